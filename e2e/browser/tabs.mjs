// Two tabs of one browser, which share one cookie.
import assert from "node:assert/strict";
import { ann, loseResponses, refreshPath, refreshes } from "./control.mjs";
import { call, click, openDemo, register, stopRenewing, waitForStatus } from "./demo.mjs";

/** The errors that Chromium reports for a lost response. */
export const lostResponse = [/refresh \(net::ERR_EMPTY_RESPONSE\)/, /ERR_EMPTY_RESPONSE .*refresh\)/];

/** Longer than `REFRESH_REUSE_GRACE`, so that only the Idempotency-Key can save the session. */
const AFTER_GRACE_S = 11;

/**
 * Both tabs refresh and lose the response. After the grace period both retry, one after the other.
 *
 * @param order  the order in which the tabs, 0 and 1, retry
 * @param overlap  receives a function that starts both refreshes, and controls how they overlap
 */
export async function recover(browser, context, order, overlap) {
  const tabs = [await openDemo(browser, context)];
  await register(tabs[0], { ...ann, email: `ann${order.join("")}@example.org` });
  tabs.push(await openDemo(browser, context));
  for (const tab of tabs) await stopRenewing(tab);
  const before = (await refreshes()).length;

  await loseResponses(refreshPath, 2);
  await overlap(() => tabs.map((tab) => tab.locator("#refresh").click()));
  for (const tab of tabs) await waitForStatus(tab, "cannot be reached");
  assert.deepEqual((await refreshes()).slice(before), ["200 lost", "200 lost"]);

  await browser.advance(AFTER_GRACE_S);
  for (const index of order) {
    await click(tabs[index], "#refresh");
    await waitForStatus(tabs[index], "Renewed");
  }
  await browser.advance(61);
  for (const tab of tabs) await call(tab, "/protected", 200);
  const after = (await refreshes()).slice(before + 2);
  assert.deepEqual(after, Array(4).fill("200 passed"), "both tabs recover");
}
