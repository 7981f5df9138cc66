// Layout shifts that no input has caused.
import assert from "node:assert/strict";

/**
 * Collects the shifts in all pages that the context opens from now on. With `untilInput`, only those before the first input:
 * browsers attribute a shift to an input for half a second, but on a busy machine the response to a form takes longer.
 */
export const observeShifts = (context, { untilInput = false } = {}) =>
  context.addInitScript((untilInput) => {
    globalThis.shifts = { sum: 0, moved: [] };
    let firstInput = Infinity;
    for (const type of untilInput ? ["keydown", "pointerdown"] : []) {
      addEventListener(type, ({ timeStamp }) => (firstInput = Math.min(firstInput, timeStamp)), true);
    }
    new PerformanceObserver((list) => {
      for (const { value, startTime, hadRecentInput, sources } of list.getEntries()) {
        if (hadRecentInput || startTime > firstInput) continue;
        shifts.sum += value;
        shifts.moved.push(...sources.map(({ node }) => node?.id || node?.className || node?.nodeName));
      }
    }).observe({ type: "layout-shift", buffered: true });
  }, untilInput);

/** Asserts that the shifts since the page was loaded are below `max`. Returns their sum. */
export async function assertStable(page, name, max) {
  // Shifts are reported with the frame after them.
  await page.waitForTimeout(200);
  const { sum, moved } = await page.evaluate(() => shifts);
  assert.ok(sum < max, `${name}: a shift of ${sum} by ${moved}`);
  return sum;
}
