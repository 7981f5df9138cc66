// Layout shifts and the weight of the pages. With MEASUREMENTS, the figures are written to that file.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { authUrl } from "./control.mjs";
import { call, openDemo, register, signIn, signOut, waitForSignInForm, waitForUser } from "./demo.mjs";
import { assertStable, observeShifts } from "./layout_shift.mjs";
import { scenario } from "./scenario.mjs";

const MAX_SHIFT = 0.01;
/** In bytes with headers, compressed: about a fifth more than today. */
const MAX_WEIGHT = { demo: 95_000, docs: 75_000, errors: 15_000, home: 12_000, login: 72_000, register: 64_000, forgot: 62_000 };
const PAGES = {
  demo: `${authUrl}/demo/`,
  docs: `${authUrl}/docs`,
  errors: `${authUrl}/docs/errors`,
  home: `${process.env.PLAIN_URL}/`,
  login: `${authUrl}/login`,
  register: `${process.env.PLAIN_URL}/register`,
  forgot: `${authUrl}/forgot`,
};
const WIDTHS = [390, 1280];

function observePaint() {
  new PerformanceObserver((list) => (globalThis.paint = list.getEntries().at(-1).startTime)).observe({
    type: "largest-contentful-paint",
    buffered: true,
  });
}

async function open(browser, width) {
  const context = await browser.newContext({ viewport: { width, height: 844 } });
  await observeShifts(context);
  await context.addInitScript(observePaint);
  return context;
}

scenario("pages load without layout shifts, and stay small", [], async (browser) => {
  const figures = [];
  for (const width of WIDTHS) {
    for (const [name, url] of Object.entries(PAGES)) {
      const context = await open(browser, width);
      let bytes = 0;
      context.on("requestfinished", async (request) => {
        const { responseBodySize, responseHeadersSize } = await request.sizes();
        bytes += responseBodySize + responseHeadersSize;
      });
      const page = await context.newPage();
      await page.goto(url, { waitUntil: "networkidle" });
      const shift = await assertStable(page, `${name} at ${width}`, MAX_SHIFT);
      assert.ok(bytes > 0 && bytes <= MAX_WEIGHT[name], `${name}: ${bytes} bytes, at most ${MAX_WEIGHT[name]}`);
      const paint = await page.evaluate(() => globalThis.paint);
      figures.push({ page: name, width, bytes, shift, largestContentfulPaintMs: Math.round(paint) });
      await context.close();
    }
  }
  console.table(figures);
  if (process.env.MEASUREMENTS) await writeFile(process.env.MEASUREMENTS, JSON.stringify(figures, null, 2));
});

scenario("the demo does not shift while a user works with it", [], async (browser) => {
  await register(await openDemo(browser));
  for (const width of WIDTHS) {
    const context = await open(browser, width);
    const page = await openDemo(browser, context);
    await signIn(page);
    await call(page, "/profile", 200);
    await assertStable(page, `a login at ${width}`, MAX_SHIFT);
    await page.reload();
    await waitForUser(page);
    await browser.advance(55);
    await page.getByText("Renewed 1 time").waitFor();
    await assertStable(page, `a reload and a renewal at ${width}`, MAX_SHIFT);
    await signOut(await openDemo(browser, context));
    await page.bringToFront();
    await waitForSignInForm(page);
    await assertStable(page, `a logout in another tab at ${width}`, MAX_SHIFT);
    await context.close();
  }
});
