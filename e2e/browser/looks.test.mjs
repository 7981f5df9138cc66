import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { authUrl } from "./control.mjs";
import { call, logIn, logOut, openDemo, register } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const SCREENS = [
  { viewport: { width: 1280, height: 800 } },
  { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
];
const SCHEMES = ["light", "dark"];
/** Where to put pictures of the page, for people to look at. */
const folder = process.env.SCREENSHOTS;

// What breaks the policy is an error in the console, which fails the scenario.
scenario("narrow and wide, light and dark, with scripts of its own alone", [], async (stage) => {
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
      await page.locator("summary").click();
      await look(page, `logged-in-${width}-${colorScheme}`);
      await logOut(page);
    }
    assert.equal(backgrounds.size, SCHEMES.length, "dark is dark");
  }

  const answer = await stage.person.request.get(`${authUrl}/`);
  const policy = answer.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
});

async function look(page, name) {
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  const { width } = page.viewportSize();
  assert.ok(needed <= width, `${name}: ${needed} pixels are needed, ${width} are there`);
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
