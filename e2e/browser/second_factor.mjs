// Steps of two-step sign-in.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { code } from "./authenticator.mjs";
import { violations } from "./axe.mjs";
import { advanceServers, ann, authUrl, post, waitFor } from "./control.mjs";

/** Folder for screenshots. If it is not set, none are taken. */
const folder = process.env.SCREENSHOTS;
const NARROWEST = 320;
export const PHONE = { viewport: { width: 390, height: 844 } };
/** Errors that belong to the scenarios. */
export const expected = [/(401|403|409|422|429) \(/, /ERR_ABORTED/];

/** A user with a verified address: without one, a reset by mail would lead around the second factor. */
export async function verifiedUser(email) {
  const user = { ...ann, email };
  const { refresh_token } = await post("/auth/register", { ...user, token_delivery: "body" });
  // Mails to one address have a distance.
  await advanceServers(61);
  const { continuation } = await post("/auth/email/verification", undefined, refresh_token);
  await post("/auth/email/verify", { continuation, code: await mailedCode(email) }, undefined);
  return user;
}

/** The code in a mail to this address, which is not the `earlier` one. */
export async function mailedCode(address, earlier) {
  const get = async (path) => (await fetch(`${authUrl}/demo/mail/messages${path}`)).text();
  return waitFor(`a code to ${address}`, async () => {
    const { items } = JSON.parse(await get(""));
    const mails = await Promise.all(items.filter(({ to }) => to.includes(address)).map(({ name }) => get(`/${name}`)));
    return mails.map((mail) => mail.match(/^ +(\d{8})\r?$/m)?.[1]).find((found) => found && found !== earlier);
  });
}

export async function signIn(page, { email, password }, browser) {
  // Another sign-in within 10 seconds looks like a loop of redirects.
  await browser.advance(11);
  await page.goto(`${authUrl}/login`);
  await page.locator("#form button.primary:enabled").waitFor();
  await page.locator("#login").fill(email);
  await page.locator("#password").fill(password);
  await page.keyboard.press("Enter");
}

/** Asserts that axe finds nothing in both schemes, and that the page fits a narrow phone. */
export async function check(page, name) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(page, colorScheme === "dark" ? ["color-contrast"] : undefined), [], `${name}, ${colorScheme}`);
    if (!folder) continue;
    await mkdir(folder, { recursive: true });
    for (const width of [390, 768, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: !(await page.locator("dialog[open]").count()) });
    }
  }
  await page.setViewportSize({ width: NARROWEST, height: 844 });
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(needed <= NARROWEST, `${name}: ${needed} pixels`);
  await page.setViewportSize(PHONE.viewport);
}

export const focused = (page, id) => page.locator(`#${id}:focus`).waitFor();
export const toast = (page, text) => page.locator("#toast", { hasText: text }).waitFor();
export const secretOf = (page) => page.locator(".secret code").first().textContent();

/** Adds an authenticator app on the account page. @returns its secret, and the recovery codes */
export async function addApp(page) {
  await page.getByRole("button", { name: "Add authenticator app" }).click();
  await focused(page, "totp_code");
  const secret = await secretOf(page);
  assert.match(await page.locator(".qr path").getAttribute("d"), /^M/);
  await page.locator("#totp_code").pressSequentially(await code(secret));
  await page.locator("#codes-dialog[open]").waitFor();
  const codes = await page.locator("#codes-dialog li").allTextContents();
  return { secret, codes };
}
