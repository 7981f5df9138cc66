import assert from "node:assert/strict";
import { ann, hold, log, loseResponses, refreshes, release, waitFor } from "./control.mjs";
import {
  call, callButton, click, confirmPassword, openDemo, register, shownResponse, stopRenewing, toggleSection,
  waitForDialog, waitForStatus, waitForUser,
} from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const reauthenticatePath = "/auth/reauthenticate";
const passwordPath = "/auth/password";

/** The errors that Chromium reports for a lost response and for a login that is too old. */
const expected = [/net::ERR_EMPTY_RESPONSE/, /403 \(Forbidden\) .*\/transfer\)/];

const TOO_OLD_S = 301;
/** Longer than `REFRESH_REUSE_GRACE`, so that only the Idempotency-Key can save the session. */
const AFTER_GRACE_S = 11;

/** Two tabs with one user, which renew their token only when a call needs it. */
async function openTabs(browser, name) {
  const tabs = [await openDemo(browser), await openDemo(browser)];
  await register(tabs[0], { ...ann, name, email: `${name}@example.org` });
  await waitForUser(tabs[1], name);
  for (const tab of tabs) await stopRenewing(tab);
  return tabs;
}

async function assertSignedIn(browser, tabs) {
  await browser.advance(61);
  for (const tab of tabs) await call(tab, "/protected", 200);
}

async function openDialog(page) {
  await page.bringToFront();
  await page.locator(callButton("/transfer")).click();
  await waitForDialog(page);
}

scenario("a reauthentication whose response was lost is repeated", expected, async (browser) => {
  const [page, tab] = await openTabs(browser, "Ann");
  await browser.advance(TOO_OLD_S);
  await openDialog(page);
  await loseResponses(reauthenticatePath, 1);
  await confirmPassword(page, ann.password);
  await page.locator("#confirmation [role=alert]", { hasText: "cannot be reached" }).waitFor();

  await browser.advance(AFTER_GRACE_S);
  await confirmPassword(page, ann.password);
  await waitForDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await shownResponse(page, "/transfer", 200);
  assert.deepEqual(await log(reauthenticatePath), ["200 lost", "200 passed"]);
  await assertSignedIn(browser, [page, tab]);
});

scenario("a password change whose response was lost twice is repeated", expected, async (browser) => {
  const [page, tab] = await openTabs(browser, "Bea");
  await toggleSection(page, "password");
  const change = async () => {
    await page.locator("#password-form [name=current_password]").fill(ann.password);
    await page.locator("#password-form [name=new_password]").fill("a completely different passphrase");
    await click(page, "#password-form button");
  };
  await loseResponses(passwordPath, 2);
  await change();
  await page.locator("#password-form [role=alert]", { hasText: "cannot be reached" }).waitFor();

  await browser.advance(AFTER_GRACE_S);
  await change();
  await waitForStatus(page, "Password changed");
  assert.deepEqual(await log(passwordPath), ["200 lost", "200 lost", "200 passed"]);
  await assertSignedIn(browser, [page, tab]);
});

scenario("a reauthentication and a refresh in another tab take turns", expected, async (browser) => {
  const [page, tab] = await openTabs(browser, "Cleo");
  await browser.advance(TOO_OLD_S);
  await openDialog(page);
  const [asked, refreshed] = [(await log(reauthenticatePath)).length, (await refreshes()).length];
  await hold(reauthenticatePath);
  await confirmPassword(page, ann.password);
  await waitFor("the request has reached the server", async () => (await log(reauthenticatePath)).length > asked);
  await tab.bringToFront();
  await tab.locator("#refresh").click();
  await tab.locator("#refresh[aria-busy=true]").waitFor();
  assert.equal((await refreshes()).length, refreshed, "the refresh waits for the lock");
  await release(reauthenticatePath);
  await waitForStatus(tab, "Renewed");
  await page.bringToFront();
  await waitForDialog(page, "hidden");
  assert.deepEqual((await refreshes()).slice(refreshed), ["200 passed"]);

  await browser.advance(AFTER_GRACE_S);
  await call(page, "/transfer", 200);
  await assertSignedIn(browser, [page, tab]);
});
