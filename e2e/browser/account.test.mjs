import assert from "node:assert/strict";
import { ann, loseResponses, post, refreshes, refreshPath, waitFor } from "./control.mjs";
import {
  call, click, confirmPassword, openDemo, register, sessionItem, signIn, stopRenewing, toggleSection,
  waitForDialog, waitForSignInForm, waitForStatus, waitForUser, waitUntilIdle,
} from "./demo.mjs";
import { scenario } from "./scenario.mjs";
import { lostResponse } from "./tabs.mjs";

const expected = [
  ...lostResponse,
  /401 \(Unauthorized\) .*\/(protected|auth\/refresh|auth\/sessions.*)\)/,
  /403 \(Forbidden\) .*\/auth\/me\)/,
];

scenario("the account section lists and ends sessions and deletes the user", expected, async (browser) => {
  const [page, tab] = [await openDemo(browser), await openDemo(browser)];
  await register(page);
  await waitForUser(tab);
  const other = await openDemo(browser, await browser.newContext());
  await signIn(other);
  for (const each of [page, other]) await stopRenewing(each);

  // The cookie's token is superseded and its grace period is over. The page's next call must not count as reuse.
  const before = (await refreshes()).length;
  await loseResponses(refreshPath, 1);
  await click(page, "#refresh");
  await waitForStatus(page, "cannot be reached");
  await browser.advance(11);
  await toggleSection(page, "sessions");
  const [current, others] = [sessionItem(page, { current: true }), sessionItem(page, { current: false })];
  await others.getByText("127.0.0.1").waitFor();
  assert.deepEqual([await current.count(), await others.count()], [1, 1]);
  assert.deepEqual((await refreshes()).slice(before), ["200 lost", "200 passed"]);
  await others.getByRole("button", { name: "End session" }).click();
  await waitForStatus(page, "Session ended: ");
  await others.waitFor({ state: "detached" });
  assert.equal(await current.count(), 1);
  await page.locator("#sessions summary:focus").waitFor();

  await browser.advance(61);
  assert.equal((await call(other, "/protected", 401)).code, "missing_token");
  await waitForSignInForm(other);
  await call(page, "/protected", 200);

  await toggleSection(page, "events");
  const descriptions = page.locator("#event-list [data-part=description]");
  await descriptions.first().waitFor();
  assert.deepEqual(await descriptions.allInnerTexts(), [
    "Session ended remotely",
    "Lost refresh response sent again",
    "Signed in",
    "Account created",
  ]);

  // Deletion requires the checkbox, and the password if it was entered too long ago.
  await browser.advance(301);
  await toggleSection(page, "deletion");
  const button = page.locator("#deletion-form button");
  await button.click();
  await page.locator("#deletion-form input:invalid:focus").waitFor();
  await page.keyboard.press("Space");
  await button.click();
  await waitForDialog(page);
  await page.locator("#confirmation-cancel").click();
  await waitForDialog(page, "hidden");
  await waitForUser(page);

  await waitUntilIdle(page, "#deletion-form button");
  await button.click();
  await confirmPassword(page, ann.password);
  for (const each of [page, tab]) await waitForSignInForm(each);
  await waitForStatus(page, "Account deleted");
  const cookies = async () => (await browser.context.cookies()).length === 0;
  await waitFor("all cookies are deleted, even the device's", cookies);
  const { email, password } = ann;
  await assert.rejects(post("/auth/login", { email, password }), /401/, "the user is deleted");
});
