// Layout shifts that no input has caused.
import assert from "node:assert/strict";

/**
 * Collects the shifts in all pages that the context opens from now on. `graceMs`: how long after an input a shift belongs to
 * it. Browsers say half a second, but on a busy machine the response to a form takes longer.
 */
export const observeShifts = (context, graceMs = 0) =>
  context.addInitScript((grace) => {
    globalThis.shifts = { sum: 0, moved: [] };
    let inputAt = -Infinity;
    for (const type of ["keydown", "pointerdown"]) addEventListener(type, ({ timeStamp }) => (inputAt = timeStamp), true);
    new PerformanceObserver((list) => {
      for (const { value, startTime, hadRecentInput, sources } of list.getEntries()) {
        if (hadRecentInput || startTime - inputAt < grace) continue;
        shifts.sum += value;
        shifts.moved.push(...sources.map(({ node }) => node?.id || node?.className || node?.nodeName));
      }
    }).observe({ type: "layout-shift", buffered: true });
  }, graceMs);

/** Asserts that the shifts since the page was loaded are below `max`. Returns their sum. */
export async function assertStable(page, name, max) {
  // Shifts are reported with the frame after them.
  await page.waitForTimeout(200);
  const { sum, moved } = await page.evaluate(() => shifts);
  assert.ok(sum < max, `${name}: a shift of ${sum} by ${moved}`);
  return sum;
}
