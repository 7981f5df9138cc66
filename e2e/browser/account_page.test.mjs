// The pages /account and /setup, by keyboard and pointer, at the width of a phone and of a desk.
import assert from "node:assert/strict";
import { join } from "node:path";
import { violations } from "./axe.mjs";
import { ann, authUrl, hold, post, release, waitFor } from "./control.mjs";
import { assertStable, observeShifts } from "./layout_shift.mjs";
import { scenario } from "./scenario.mjs";

const MAX_SHIFT = 0.05;
const NEW_PASSWORD = "seven quiet maps paint an otter";
/** Folder for screenshots. If it is not set, none are taken. */
const folder = process.env.SCREENSHOTS;
const PHONE = { viewport: { width: 390, height: 844 } };
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
/** Calls that the scenarios make fail, and those of a page that is left, or about a password that has changed since. */
const expected = [/(401|403|404|410|422|503) \(/, /ERR_(FAILED|ABORTED)/];

/** Signs in beside the page, as another page of this origin would. */
async function open(browser, user, settings = PHONE) {
  const context = await browser.newContext(settings);
  await observeShifts(context, { untilInput: true });
  const page = await browser.newTab(`${authUrl}/login`, context);
  await page.evaluate(async ({ email, password }) => {
    const headers = { "Content-Type": "application/json" };
    await fetch("auth/login", { method: "POST", headers, body: JSON.stringify({ email, password }) });
  }, user);
  await page.goto(`${authUrl}/account`);
  await page.locator("#view").waitFor();
  return page;
}

/** Asserts that axe finds nothing, that nothing is wider than the window, and that nothing moved before the first input. */
async function check(page, name) {
  // Only the contrast depends on the colours.
  for (const [colorScheme, runOnly] of [["dark", ["color-contrast"]], ["light", undefined]]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(page, runOnly), [], `${name}, ${colorScheme}`);
    const { width } = page.viewportSize();
    if (folder) await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: !(await page.locator("dialog[open]").count()) });
  }
  const { scrollWidth, clientWidth } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  assert.ok(scrollWidth <= clientWidth, `${name}: ${scrollWidth} of ${clientWidth}`);
  await assertStable(page, name, MAX_SHIFT);
}

/** The code in a mail to this address. That of the registration has none. */
async function codeTo(address) {
  const get = async (path) => (await fetch(`${authUrl}/demo/mail/messages${path}`)).text();
  return waitFor(`a mail with a code to ${address}`, async () => {
    const { items } = JSON.parse(await get(""));
    const mails = await Promise.all(items.filter(({ to }) => to.includes(address)).map(({ name }) => get(`/${name}`)));
    return mails.map((mail) => mail.match(/^ +(\d{8})\r?$/m)?.[1]).find(Boolean);
  });
}

const thisDevice = (page) => page.locator("#devices .badge:not([hidden])");

const toast = (page, text) => page.locator("#toast", { hasText: text }).waitFor();

scenario("a user changes everything about the account on a phone", expected, async (browser) => {
  const user = { ...ann, email: "account@example.org" };
  await post("/auth/register", { ...user, token_delivery: "body" });
  const page = await open(browser, user);
  const other = await open(browser, user, { ...PHONE, userAgent: IPHONE });
  await page.reload();
  await page.locator("#view").waitFor();
  await page.locator("#email-state", { hasText: "Not verified" }).waitFor();
  await check(page, "account");

  // By keyboard: a new username requires the password again, and what was typed stays.
  await browser.advance(301);
  await page.locator("#name").fill("Ann Lee");
  await page.locator("#username").fill("ann.lee");
  await page.keyboard.press("Enter");
  await page.locator("#fresh_password:focus").waitFor();
  await check(page, "account-fresh-login");
  await page.keyboard.type("not the password");
  await page.keyboard.press("Enter");
  await page.locator("#fresh_password-error", { hasText: "wrong" }).waitFor();
  await page.locator("#fresh_password:focus").fill(user.password);
  await page.keyboard.press("Enter");
  await toast(page, "Profile saved");
  await page.locator("#who", { hasText: "Ann Lee" }).waitFor();
  assert.deepEqual([await page.locator("#name").inputValue(), await page.locator("#username").inputValue()], ["Ann Lee", "ann.lee"]);

  // The address: verified with a code, then changed. The request survives a reload, and can be cancelled.
  await page.locator("#verify-request").click();
  await page.locator("#code:focus").fill(await codeTo(user.email));
  await page.keyboard.press("Enter");
  await page.locator("#email-state", { hasText: /^Verified/ }).waitFor();
  await page.locator("#email").fill("first@example.org");
  await page.keyboard.press("Enter");
  await page.locator("#pending-lead", { hasText: "first@example.org" }).waitFor();
  await check(page, "account-address-requested");
  await page.reload();
  await page.locator("#pending-lead", { hasText: "first@example.org waits" }).waitFor();
  await page.locator("#pending-cancel").click();
  await toast(page, "Cancelled");
  await page.locator("#email").fill("second@example.org");
  await page.keyboard.press("Enter");
  await page.locator("#code:focus").fill(await codeTo("second@example.org"));
  await page.keyboard.press("Enter");
  await page.locator("#email-now", { hasText: "second@example.org" }).waitFor();

  // That ended the session of the other device, which learns it when its user comes back.
  await other.locator("#name").fill("Something typed");
  await other.keyboard.press("Enter");
  await other.locator("#ended", { hasText: "address was changed" }).waitFor();
  await check(other, "account-ended");
  assert.equal(await other.locator("#name").inputValue(), "Something typed");
  await other.locator("#ended a").click();
  await other.waitForURL(/\/login\?return_to=.*account/);
  assert.equal(new URL(other.url()).searchParams.get("return_to").split("#")[0], `${authUrl}/account`);
});

scenario("a user finds an intruder, throws them out and deletes the account", expected, async (browser) => {
  const user = { ...ann, email: "intruded@example.org" };
  await post("/auth/register", { ...user, name: "نور الهدى بنت عبد الرحمن", token_delivery: "body" });
  const intruder = await open(browser, user, { ...PHONE, userAgent: IPHONE });
  const page = await open(browser, user, { viewport: { width: 1280, height: 900 } });
  const devices = page.locator("#devices .items > li");
  await thisDevice(page).waitFor();
  assert.equal(await devices.count(), 3);
  // The event of this session has no such button.
  assert.equal(await page.locator("#activity").getByRole("button", { name: "Was this not you?" }).count(), 1);
  await check(page, "account-intruded");

  const event = page.locator("#activity li", { hasText: "iPhone" }).first();
  await event.getByRole("button", { name: "Was this not you?" }).click();
  await check(page, "account-not-me");
  await page.locator("#not-me-form .primary").click();
  await page.locator("#current_password:focus").fill(user.password);
  await page.locator("#password-reason").waitFor();
  await intruder.reload();
  await intruder.waitForURL(/\/login/);
  await page.locator("#new_password").fill("password1");
  await page.keyboard.press("Enter");
  await page.locator("#new_password-error", { hasText: "easy to guess" }).waitFor();
  await page.locator("#new_password:focus").fill(NEW_PASSWORD);
  await page.keyboard.press("Enter");
  await toast(page, "All other devices are signed out");
  await waitFor("one device is left", async () => (await devices.count()) === 1);

  // All others at once, and one by one.
  for (const _ of [1, 2]) await post("/auth/login", { email: user.email, password: NEW_PASSWORD, token_delivery: "body" });
  await page.reload();
  await devices.nth(2).waitFor();
  await devices.nth(1).getByRole("button").click();
  await waitFor("two devices are left", async () => (await devices.count()) === 2);
  await page.locator("#end-others").click();
  await waitFor("one device is left", async () => (await devices.count()) === 1);
  assert.equal(await page.locator("#end-others").isVisible(), false);

  await page.locator("#delete").click();
  await page.locator("#confirmation").fill("yes");
  await page.keyboard.press("Enter");
  await page.locator("#confirmation-error", { hasText: "not your e-mail address" }).waitFor();
  await check(page, "account-delete");
  await page.locator("#confirmation").fill(user.email);
  await page.keyboard.press("Enter");
  await page.locator("#deleted-title:focus").waitFor();
  await check(page, "account-deleted");
  await assert.rejects(post("/auth/login", { email: user.email, password: NEW_PASSWORD }), /401/);
});

scenario("the account page loads, fails, and is German", expected, async (browser) => {
  const context = await browser.newContext({ viewport: { width: 768, height: 1000 }, locale: "de-DE" });
  await observeShifts(context, { untilInput: true });
  const signedOut = await browser.newTab(`${authUrl}/account#devices`, context);
  await signedOut.waitForURL(/\/login\?return_to=/);
  assert.equal(new URL(signedOut.url()).searchParams.get("return_to"), `${authUrl}/account#devices`);

  const user = { ...ann, email: "german@example.org" };
  await post("/auth/register", { ...user, name: "Wolfeschlegelsteinhausenbergerdorffvoralternwarengewissenhaftsch", token_delivery: "body" });
  const page = await open(browser, user, { viewport: { width: 768, height: 1000 }, locale: "de-DE" });
  await check(page, "account-german");
  await page.route("**/auth/sessions*", (route) => route.abort());
  await page.reload();
  await page.locator("#devices .failed", { hasText: "nicht erreichbar" }).waitFor();
  await check(page, "account-failed");
  await page.unroute("**/auth/sessions*");
  await page.locator("#devices .again").click();
  await thisDevice(page).waitFor();
  await hold("/auth/events");
  await page.reload();
  await page.locator("#loading").waitFor();
  await check(page, "account-loading");
  await release("/auth/events");
  await page.locator("#view").waitFor();
  await check(page, "account-loaded");
});

scenario("a setup link that cannot be used says what to do", expected, async (browser) => {
  const context = await browser.newContext(PHONE);
  await observeShifts(context, { untilInput: true });
  const page = await browser.newTab(`${authUrl}/setup`, context);
  await page.locator("#unusable-why", { hasText: "complete link" }).waitFor();
  await check(page, "setup-without-token");
  await page.goto(`${authUrl}/setup#AAAAAGsLQNCMADaGYkNQAO8YqoWFavsp`);
  await page.locator("#email:focus").fill("root@example.org");
  await page.locator("#password").fill(NEW_PASSWORD);
  await check(page, "setup");
  await page.keyboard.press("Enter");
  await page.locator("#unusable-how", { hasText: "Start the server again" }).waitFor();
  await check(page, "setup-unusable");
});
