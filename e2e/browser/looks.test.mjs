import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { call, openDemo, register, signIn, signOut, toggleSection } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const SCREENS = [
  { viewport: { width: 1280, height: 800 } },
  { viewport: { width: 768, height: 1024 } },
  { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
];
const SCHEMES = ["light", "dark"];
/** Width of the narrowest phones in use. */
const NARROWEST = 360;
/** Folder for screenshots. If it is not set, none are taken. */
const folder = process.env.SCREENSHOTS;

const expected = [/401 \(Unauthorized\) .*\/auth\/(password|refresh)\)/, /422/];

// A violation of the content security policy is an error in the console, which fails the scenario.
scenario("the page fits all screens, light and dark, under a strict policy", expected, async (browser) => {
  await register(await openDemo(browser));

  for (const screen of SCREENS) {
    const { width } = screen.viewport;
    const backgrounds = new Set();
    for (const colorScheme of SCHEMES) {
      const context = await browser.newContext({ colorScheme, ...screen });
      const page = await openDemo(browser, context);
      backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      // The layout does not depend on the colours.
      if (colorScheme !== SCHEMES[0] && !folder) continue;
      await inspect(page, `signed-out-${width}-${colorScheme}`);
      await page.locator("#register-form button").click();
      await inspect(page, `errors-${width}-${colorScheme}`);
      await page.locator("#login-tab").click();
      await page.locator("#required-password").evaluate((field) => (field.hidden = false));
      await inspect(page, `new-password-${width}-${colorScheme}`);
      await page.locator("#required-password").evaluate((field) => (field.hidden = true));

      await signIn(page);
      await call(page, "/profile", 200);
      await page.locator("#signature-state", { hasText: "verified" }).waitFor();
      await inspect(page, `signed-in-${width}-${colorScheme}`);
      await runExperiments(page, `${width}-${colorScheme}`);
      await inspectAccount(page, `${width}-${colorScheme}`);
      await signOut(page);
    }
    assert.equal(backgrounds.size, SCHEMES.length, "light and dark have different backgrounds");
  }

  const response = await browser.context.request.get(`${authUrl}/`);
  const policy = response.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
});

/** Those with the most requests and the most participants. */
async function runExperiments(page, name) {
  for (const id of ["lose-response", "replay-token"]) {
    await page.locator(`#${id}`).click();
    await page.locator(`#${id}[aria-busy=false]`).waitFor();
    await page.locator("#sequence").scrollIntoViewIfNeeded();
    await inspect(page, `${id}-${name}`);
  }
}

async function inspectAccount(page, name) {
  await toggleSection(page, "sessions");
  await page.locator("#session-list li").nth(1).waitFor();
  await page.locator("#more-sessions").evaluate((button) => (button.hidden = false));
  await inspect(page, `account-sessions-${name}`);
  await toggleSection(page, "events");
  await page.locator("#event-list li").nth(1).waitFor();
  await inspect(page, `account-events-${name}`);
  await toggleSection(page, "password");
  for (const field of await page.locator("#password-form [type=password]").all()) await field.fill("short");
  await page.locator("#password-form button").click();
  await page.locator("#password-form [role=alert]:not(:empty)").waitFor();
  await inspect(page, `account-password-${name}`);
  await toggleSection(page, "deletion");
  await inspect(page, `account-deletion-${name}`);
  await page.locator("#confirmation").evaluate((dialog) => dialog.showModal());
  // A dialog covers the viewport, not the whole page.
  await inspect(page, `dialog-${name}`, { fullPage: false });
  await page.keyboard.press("Escape");
}

/** Asserts that neither the page nor the drawing needs horizontal scrolling, and takes the screenshot. */
async function inspect(page, name, { fullPage = true } = {}) {
  const { width, height } = page.viewportSize();
  for (const wide of new Set([width, Math.min(width, NARROWEST)])) {
    await page.setViewportSize({ width: wide, height });
    const needed = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(needed <= wide, `${name}: needs ${needed} pixels, has ${wide}`);
    const hidden = await page.locator("#sequence").evaluate((drawing) => drawing.scrollWidth - drawing.clientWidth);
    assert.ok(hidden <= 0, `${name}: the drawing needs ${hidden} pixels more`);
  }
  await page.setViewportSize({ width, height });
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}
