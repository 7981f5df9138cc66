import assert from "node:assert/strict";
import { ann, post, refreshes } from "./control.mjs";
import {
  call, callButton, confirmPassword, openDemo, register, sessionItem, shownResponse, stopRenewing, toggleSection,
  waitForDialog, waitForStatus, waitForUser,
} from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const expected = [/403 \(Forbidden\) .*\/(transfer|auth\/sessions\/.*)\)/, /401 \(Unauthorized\) .*\/auth\/reauthenticate\)/];

/** `POST /transfer`, and ending another session, require a login within the last 5 minutes. */
const TOO_OLD_S = 301;

scenario("a call that requires a fresh login asks for the password and is repeated", expected, async (browser) => {
  const page = await openDemo(browser);
  await register(page);
  await stopRenewing(page);
  await call(page, "/transfer", 200);
  await browser.advance(TOO_OLD_S);

  await page.locator(callButton("/transfer")).click();
  await waitForDialog(page);
  assert.equal((await shownResponse(page, "/transfer", 403)).code, "fresh_login_required");
  await page.keyboard.press("Escape");
  await waitForDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await shownResponse(page, "/transfer", 403);

  const before = await refreshes();
  await page.keyboard.press("Enter");
  await waitForDialog(page);
  await confirmPassword(page, "not my password");
  const alert = page.locator("#confirmation [role=alert]", { hasText: "Wrong password" });
  await alert.waitFor();
  await page.locator("#confirmation [name=current_password][aria-invalid=true]:focus").waitFor();

  await confirmPassword(page, ann.password);
  await waitForDialog(page, "hidden");
  await page.locator(`${callButton("/transfer")}[aria-busy=false]:focus`).waitFor();
  await shownResponse(page, "/transfer", 200);
  await waitForUser(page);
  assert.deepEqual(await refreshes(), before, "confirming the password does not refresh");

  // The session stores the time of the login, so a renewed token is as fresh.
  await browser.advance(61);
  await call(page, "/transfer", 200);
});

/** As many sessions as one page of the list shows. */
const OTHERS = 8;

scenario("sessions are listed in pages; ending another one asks for the password", expected, async (browser) => {
  const page = await openDemo(browser);
  const bea = { ...ann, name: "Bea", email: "bea@example.org" };
  await register(page, bea);
  const { email, password } = bea;
  for (let count = 0; count < OTHERS; count += 1) await post("/auth/login", { email, password, token_delivery: "body" });
  await stopRenewing(page);
  await browser.advance(TOO_OLD_S);

  await toggleSection(page, "sessions");
  const items = page.locator("#session-list li");
  await items.nth(OTHERS - 1).waitFor();
  assert.equal(await items.count(), OTHERS);
  await page.locator("#more-sessions").click();
  await items.nth(OTHERS).waitFor();
  assert.equal(await items.count(), OTHERS + 1);
  assert.ok(await page.locator("#more-sessions").isHidden(), "there is no further page");

  const end = sessionItem(page, { current: false }).last().getByRole("button", { name: "End session" });
  await end.click();
  await waitForDialog(page);
  await page.locator("#confirmation-cancel").click();
  await waitForDialog(page, "hidden");
  await end.click();
  await waitForDialog(page);
  await confirmPassword(page, password);
  await waitForStatus(page, "Session ended: ");
  await page.locator("#sessions summary:focus").waitFor();
  assert.equal(await items.count(), OTHERS);
  assert.ok(await page.locator("#more-sessions").isHidden());
});
