import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { call, logIn, logOut, openDemo, openPart, register } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const SCREENS = [
  { viewport: { width: 1280, height: 800 } },
  { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
];
const SCHEMES = ["light", "dark"];
/** Of the telephones that are still about. */
const NARROWEST = 360;
/** Where to put pictures of the page, for people to look at. */
const folder = process.env.SCREENSHOTS;

const refused = [/401 \(Unauthorized\) .*\/auth\/password\)/];

// What breaks the policy is an error in the console, which fails the scenario.
scenario("narrow and wide, light and dark, with scripts of its own alone", refused, async (stage) => {
  await register(await openDemo(stage));

  for (const screen of SCREENS) {
    const { width } = screen.viewport;
    const backgrounds = new Set();
    for (const colorScheme of SCHEMES) {
      const somebody = await stage.somebody({ colorScheme, ...screen });
      const page = await openDemo(stage, somebody);
      backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await look(page, `logged-out-${width}-${colorScheme}`);

      await logIn(page);
      await call(page, "/profile", 200);
      await page.locator("#token summary").click();
      await look(page, `logged-in-${width}-${colorScheme}`);
      await page.locator("#token summary").click();
      await lookAtAccount(page, `${width}-${colorScheme}`);
      await logOut(page);
    }
    assert.equal(backgrounds.size, SCHEMES.length, "dark is dark");
  }

  const answer = await stage.person.request.get(`${authUrl}/`);
  const policy = answer.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
});

async function lookAtAccount(page, name) {
  await openPart(page, "sessions");
  await page.locator("#session-list li").nth(1).waitFor();
  await look(page, `account-sessions-${name}`);
  await openPart(page, "events");
  await page.locator("#event-list li").nth(1).waitFor();
  await look(page, `account-events-${name}`);
  await openPart(page, "password");
  for (const field of await page.locator("#password-form [type=password]").all()) await field.fill("short");
  await page.locator("#password-form button").click();
  await page.locator("#password-form [role=alert]:not(:empty)").waitFor();
  await look(page, `account-password-${name}`);
  await openPart(page, "deletion");
  await look(page, `account-deletion-${name}`);
  await page.locator("#confirmation").evaluate((dialog) => dialog.showModal());
  // What a dialog covers is the window, not the page.
  await look(page, `dialog-${name}`, { fullPage: false });
  await page.keyboard.press("Escape");
}

async function look(page, name, { fullPage = true } = {}) {
  const { width, height } = page.viewportSize();
  for (const wide of new Set([width, Math.min(width, NARROWEST)])) {
    await page.setViewportSize({ width: wide, height });
    const needed = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(needed <= wide, `${name}: ${needed} pixels are needed, ${wide} are there`);
  }
  await page.setViewportSize({ width, height });
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}
