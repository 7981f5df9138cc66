import assert from "node:assert/strict";
import { allow, refreshes, refreshPath, refuse } from "./control.mjs";
import { call, callButton, click, openDemo, register, waitForStatus, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** The errors that Chromium reports for a 503. */
const expected = [/503 \(Service Unavailable\) .*\/auth\/refresh\)/];

scenario("an outage longer than the token's lifetime does not sign the user out", expected, async (browser) => {
  const page = await openDemo(browser);
  const outage = page.locator("#offline", { hasText: "still signed in" });
  await register(page);

  await refuse(refreshPath);
  await browser.advance(61);
  await outage.waitFor();
  const response = page.waitForResponse(`**${refreshPath}`);
  await click(page, callButton("/protected"));
  const { detail } = await (await response).json();
  await page.getByText(detail, { exact: true }).waitFor();
  await browser.advance(61);
  await page.reload();
  await outage.waitFor();
  assert.ok(await page.locator("#signed-in").isVisible(), "the user stays signed in");

  await allow(refreshPath);
  const attempts = await refreshes();
  assert.ok(attempts.length >= 3, "refreshes are retried");
  assert.deepEqual(attempts, Array(attempts.length).fill("503 refused"));
  await browser.advance(60);
  await waitForStatus(page, "available again");
  await waitForUser(page);
  await call(page, "/protected", 200);
  assert.deepEqual((await refreshes()).slice(attempts.length), ["200 passed"]);
});
