// Layout shifts that no input has caused.
import assert from "node:assert/strict";

/** Collects the shifts in all pages that the context opens from now on. */
export const observeShifts = (context) =>
  context.addInitScript(() => {
    globalThis.shifts = { sum: 0, moved: [] };
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries()) {
        if (hadRecentInput) continue;
        shifts.sum += value;
        shifts.moved.push(...sources.map(({ node }) => node?.id || node?.className || node?.nodeName));
      }
    }).observe({ type: "layout-shift", buffered: true });
  });

/** Asserts that the shifts since the page was loaded are below `max`. Returns their sum. */
export async function assertStable(page, name, max) {
  // Shifts are reported with the frame after them.
  await page.waitForTimeout(200);
  const { sum, moved } = await page.evaluate(() => shifts);
  assert.ok(sum < max, `${name}: a shift of ${sum} by ${moved}`);
  return sum;
}
