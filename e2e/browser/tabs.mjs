// Two tabs of one person, who have one cookie between them.
import assert from "node:assert/strict";
import { loseAnswers, person, refreshPath, refreshes } from "./control.mjs";
import { call, click, isTold, openDemo, register, stopRenewing } from "./demo.mjs";

/** What a browser says of an answer that got lost. */
export const lost = [/refresh \(net::ERR_EMPTY_RESPONSE\)/, /ERR_EMPTY_RESPONSE .*refresh\)/];

/** Beyond `REFRESH_REUSE_GRACE`, so that it is by the Idempotency-Key alone that the session goes on. */
const BEYOND_GRACE = 11;

/**
 * Both refresh, and neither hears of it. Once the grace is over, both try again, one after the other.
 *
 * @param order  the tabs, 0 and 1, in the order in which they try again
 * @param overlap  gets what lets both refresh, and sees to it that they do as they should
 */
export async function recover(stage, somebody, order, overlap) {
  const tabs = [await openDemo(stage, somebody)];
  await register(tabs[0], { ...person, email: `ann${order.join("")}@example.org` });
  tabs.push(await openDemo(stage, somebody));
  for (const tab of tabs) await stopRenewing(tab);
  const before = (await refreshes()).length;

  await loseAnswers(refreshPath, 2);
  await overlap(() => tabs.map((tab) => tab.locator("#refresh").click()));
  for (const tab of tabs) await isTold(tab, "cannot be reached");
  assert.deepEqual((await refreshes()).slice(before), ["200 lost", "200 lost"]);

  await stage.advance(BEYOND_GRACE);
  for (const index of order) {
    await click(tabs[index], "#refresh");
    await isTold(tabs[index], "Renewed");
  }
  await stage.advance(61);
  for (const tab of tabs) await call(tab, "/protected", 200);
  const after = (await refreshes()).slice(before + 2);
  assert.deepEqual(after, Array(4).fill("200 passed"), "each tab recovers, and goes on");
}

