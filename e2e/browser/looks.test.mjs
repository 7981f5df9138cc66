import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { call, openDemo, register, signIn, signOut, toggleSection } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
/** At which widths each shows the page: also as a tablet does, and the narrowest phone in use. */
const WIDTHS = { 1280: [1280, 768], 390: [390, 360] };
const SCHEMES = ["light", "dark"];
/** Folder for screenshots. If it is not set, none are taken. */
const folder = process.env.SCREENSHOTS;

const expected = [/401 \(Unauthorized\) .*\/auth\/(password|refresh)\)/, /422/];

// A violation of the content security policy is an error in the console, which fails the scenario.
scenario("the page fits all screens, light and dark, under a strict policy", expected, async (browser) => {
  await register(await openDemo(browser));

  for (const device of [DESKTOP, PHONE]) {
    const page = await openDemo(browser, await browser.newContext(device));
    await inspect(page, "signed-out");
    await page.locator("#register-form button").click();
    await inspect(page, "errors");
    await page.locator("#login-tab").click();
    await page.locator("#required-password").evaluate((field) => (field.hidden = false));
    await inspect(page, "new-password");
    await page.locator("#required-password").evaluate((field) => (field.hidden = true));

    await signIn(page);
    await call(page, "/profile", 200);
    await page.locator("#signature-state", { hasText: "verified" }).waitFor();
    await inspect(page, "signed-in");
    await runExperiments(page);
    await inspectAccount(page);
    await signOut(page);

    const backgrounds = new Set();
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    }
    assert.equal(backgrounds.size, SCHEMES.length, "light and dark have different backgrounds");
  }

  const response = await browser.context.request.get(`${authUrl}/`);
  const policy = response.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
});

/** Those with the most requests and the most participants. */
async function runExperiments(page) {
  for (const id of ["lose-response", "replay-token"]) {
    await page.locator(`#${id}`).click();
    await page.locator(`#${id}[aria-busy=false]`).waitFor();
    await page.locator("#sequence").scrollIntoViewIfNeeded();
    await inspect(page, id);
  }
}

async function inspectAccount(page) {
  await toggleSection(page, "sessions");
  await page.locator("#session-list li").nth(1).waitFor();
  await page.locator("#more-sessions").evaluate((button) => (button.hidden = false));
  await inspect(page, "account-sessions");
  await toggleSection(page, "events");
  await page.locator("#event-list li").nth(1).waitFor();
  await inspect(page, "account-events");
  await toggleSection(page, "password");
  for (const field of await page.locator("#password-form [type=password]").all()) await field.fill("short");
  await page.locator("#password-form button").click();
  await page.locator("#password-form [role=alert]:not(:empty)").waitFor();
  await inspect(page, "account-password");
  await toggleSection(page, "deletion");
  await inspect(page, "account-deletion");
  await page.locator("#confirmation").evaluate((dialog) => dialog.showModal());
  // A dialog covers the viewport, not the whole page.
  await inspect(page, "dialog", { fullPage: false });
  await page.keyboard.press("Escape");
}

/** Asserts that neither the page nor the drawing needs horizontal scrolling, and takes the screenshots. */
async function inspect(page, name, { fullPage = true } = {}) {
  const { width: initial, height } = page.viewportSize();
  for (const width of WIDTHS[initial]) {
    await page.setViewportSize({ width, height });
    const needed = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(needed <= width, `${name}: needs ${needed} pixels, has ${width}`);
    const hidden = await page.locator("#sequence").evaluate((drawing) => drawing.scrollWidth - drawing.clientWidth);
    assert.ok(hidden <= 0, `${name}: the drawing needs ${hidden} pixels more`);
    if (folder) await photograph(page, `${name}-${width}`, fullPage);
  }
  await page.setViewportSize({ width: initial, height });
}

async function photograph(page, name, fullPage) {
  await mkdir(folder, { recursive: true });
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), fullPage });
  }
  await page.emulateMedia({ colorScheme: null });
}
