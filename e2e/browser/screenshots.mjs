// Takes the screenshots in docs/images, for scripts/screenshots.sh. Their content is the same at each run.
import { join } from "node:path";
import { ann } from "./control.mjs";
import { call, click, openDemo, register, signIn } from "./demo.mjs";
import { TestBrowser } from "./scenario.mjs";

const USER_AGENT = "Mozilla/5.0 (SYSTEM) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
const DESKTOP = {
  userAgent: `${USER_AGENT.replace("SYSTEM", "X11; Linux x86_64")} Safari/537.36`,
  viewport: { width: 1280, height: 800 },
};
const PHONE = {
  userAgent: `${USER_AGENT.replace("SYSTEM", "Linux; Android 15; Pixel 9")} Mobile Safari/537.36`,
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};
const TOKEN_AGE_S = 18;
const MAX_STEPS = 100;

const browser = new TestBrowser();
try {
  await browser.start();
  const desktop = await openDemo(browser, await browser.newContext(DESKTOP));
  await register(desktop);
  const phone = await openDemo(browser, await browser.newContext(PHONE));
  await signIn(phone, ann);
  for (const page of [phone, desktop]) await prepare(page);

  await desktop.locator("#two-tabs").click();
  for (let step = 0; step < MAX_STEPS && !(await desktop.locator("#two-tabs[aria-busy=false]").count()); step += 1) {
    await desktop.clock.runFor(100);
    await desktop.waitForTimeout(50);
  }
  await fixTimes(desktop);
  await scrollToTop(desktop);
  await fitHeight(desktop, "#experiments");
  for (const colorScheme of ["light", "dark"]) {
    await desktop.emulateMedia({ colorScheme });
    await capture(desktop, `demo-${colorScheme}`);
  }
  await capture(phone, "demo-phone");
} finally {
  await browser.close();
}

/** Stops the page's clock, so that the token always has the same age, and replaces the random port and user id. */
async function prepare(page) {
  await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 1000);
  await click(page, "#refresh");
  await page.clock.runFor(TOKEN_AGE_S * 1000);
  await call(page, "/protected", 200);
  await page.evaluate(() => {
    const [url, response] = ["api-url", "response"].map((id) => document.getElementById(id));
    url.textContent = "http://localhost:8081";
    response.textContent = response.textContent.replace(/[0-9a-f-]{36}/, "5b1d8f6e-3c0a-4e5b-9a67-2f4c1d9e8b70");
  });
  await fixTimes(page);
  await scrollToTop(page);
}

/** Replaces the times and durations in the list of requests. */
function fixTimes(page) {
  return page.locator("#timeline-list [data-part=facts]").evaluateAll((all) => {
    for (const facts of all) facts.textContent = facts.textContent.replace(/[\d:]{8} · \d+ ms/, "10:00:00 · 12 ms");
  });
}

/** Removes the focus ring and the scroll bar, too. */
async function scrollToTop(page) {
  await page.evaluate(() => {
    document.activeElement.blur();
    document.documentElement.style.overflow = "hidden";
    scrollTo(0, 0);
  });
}

/** Sets the height of the viewport so that it ends below this element. */
async function fitHeight(page, selector) {
  const { y, height } = await page.locator(selector).boundingBox();
  const { width } = page.viewportSize();
  await page.setViewportSize({ width, height: Math.ceil(y + height) + 12 });
}

function capture(page, name) {
  return page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
}
