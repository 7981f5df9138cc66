// The sign-in page: by keyboard on a desktop, and all states on a phone.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { allow, ann, authUrl, log, post, refuse, waitFor } from "./control.mjs";
import { scenario } from "./scenario.mjs";

/** A page of an app on another origin. */
const TARGET = `${process.env.PAGE_URL}/cart?item=7`;
/** Folder for screenshots. If it is not set, none are taken. */
const folder = process.env.SCREENSHOTS;
const expected = [/(401|409|410|422|429) \(/, /ERR_(EMPTY_RESPONSE|CONNECTION_RESET|CONNECTION_REFUSED|ABORTED|FAILED)/, /503 \(/];
const LONG_ADDRESS = "a.very.long.address.of.a.user@subdomain.of.a.long.domain.example.org";
const loginUrl = (target) => `${authUrl}/login?return_to=${encodeURIComponent(target)}`;

async function openContext(browser, settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...settings });
  await context.route(`${process.env.PAGE_URL}/**`, (route) => route.fulfill({ body: "the app" }));
  return context;
}

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className);
const waitForFocus = (page, id) => waitFor(`the focus on ${id}`, async () => (await focused(page)) === id);

async function type(page, text) {
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

scenario("a user signs in by keyboard, and errors lose nothing", expected, async (browser) => {
  await post("/auth/register", ann);
  const context = await openContext(browser);
  const page = await browser.newTab(loginUrl(TARGET), context);
  await page.getByText("Continue to").waitFor();
  assert.equal(await page.locator(".destination").textContent(), new URL(TARGET).host);
  assert.equal(await page.locator("#login").getAttribute("autocomplete"), "username webauthn");
  assert.equal(await page.locator("#password").getAttribute("autocomplete"), "current-password");

  await waitForFocus(page, "login");
  await page.keyboard.press("Enter");
  await page.locator("#login-error", { hasText: "Fill in this field" }).waitFor();
  await page.keyboard.type(ann.email);
  assert.equal(await page.locator("#login-error").textContent(), "");
  await page.keyboard.press("Tab");
  await page.keyboard.type("a wrong password");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "reveal");
  await page.keyboard.press("Space");
  assert.equal(await page.locator("#password").getAttribute("type"), "text");
  await waitForFocus(page, "password");
  await page.locator("#password").evaluate((input) => input.dispatchEvent(new KeyboardEvent("keydown", { modifierCapsLock: true })));
  await page.getByText("Caps Lock is on").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#password-error", { hasText: "password is wrong" }).waitFor();
  assert.deepEqual([await focused(page), await page.locator("#password").getAttribute("type")], ["password", "password"]);

  await refuse("/auth/login");
  await type(page, ann.password);
  await page.keyboard.press("Enter");
  await page.locator(".message:not(:empty)").first().waitFor();
  assert.deepEqual([await page.locator("#login").inputValue(), await page.locator("#password").inputValue()], [ann.email, ann.password]);
  await allow("/auth/login");

  const limited = { status: 429, json: { code: "too_many_requests", retry_after: 3 } };
  await page.route("**/auth/login", (route) => route.fulfill(limited), { times: 1 });
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Try again in 3 seconds" }).waitFor();
  await browser.advance(4);
  await page.locator("button.primary", { hasText: "Sign in" }).waitFor();
  await page.locator("#password").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(TARGET);

  // A signed-in user is sent on at once, but not in a loop.
  const attempts = (await log("/auth/login")).length;
  await browser.advance(11);
  await page.goto(loginUrl(TARGET), { waitUntil: "commit" });
  await page.waitForURL(TARGET);
  await page.goto(loginUrl(TARGET));
  await page.getByText("does not accept your session").waitFor();
  await page.goto(`${authUrl}/login`);
  await page.locator(".who", { hasText: "Ann" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Go to your account" }).getAttribute("href"), "account");
  assert.equal((await log("/auth/login")).length, attempts);
  await page.getByRole("button", { name: "Use another account" }).click();
  await waitForFocus(page, "login");

  for (const target of ["https://evil.example/", "//evil.example", "javascript:alert(1)"]) {
    await page.goto(loginUrl(target));
    await page.getByText("is not known to this service").waitFor();
    assert.equal(await page.locator("main").getAttribute("data-next"), "account", target);
  }
});

scenario("a form that is submitted before its script has loaded keeps what was typed", expected, async (browser) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  let load;
  const loaded = new Promise((resolve) => (load = resolve));
  await page.route("**/pages/form.js", (route) => loaded.then(() => route.continue()));
  await page.goto(`${authUrl}/login`, { waitUntil: "commit" });
  await page.locator("#login").fill(ann.email);
  await page.locator("#password").fill(ann.password);
  await page.keyboard.press("Enter");
  load();
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`${authUrl}/account`);
});

scenario("the pages judge a new password, fit a phone and speak German", expected, async (browser) => {
  const context = await openContext(browser, { viewport: { width: 390, height: 844 }, locale: "de-AT" });
  const page = await browser.newTab(`${authUrl}/register?return_to=${encodeURIComponent(TARGET)}`, context);
  await page.getByRole("heading", { name: "Konto anlegen" }).waitFor();
  await page.locator("#email").fill(LONG_ADDRESS);
  const meter = page.locator(".strength");
  // The server's log lacks requests that the page aborted.
  let requests = 0;
  page.on("request", (request) => (requests += request.url().endsWith("/auth/password/strength")));
  await page.locator("#password").pressSequentially("password1", { delay: 30 });
  await page.getByText("Zu leicht zu erraten").waitFor();
  assert.ok(requests < 4, `the requests are debounced, and not ${requests}`);
  await capture(page, "register-weak");
  await page.locator("#form button.primary").click();
  await page.locator("#password-error", { hasText: "zu leicht" }).waitFor();
  await waitForFocus(page, "password");
  await page.locator("#password").fill(ann.password);
  await page.locator(".strength[data-score='4']").waitFor();
  assert.match(await meter.textContent(), /Starkes Passwort/);
  await page.locator("#name").fill("عبد الرحمن بن محمد بن عبد الله آل سعود الطويل جدا");
  await capture(page, "register-strong");
  await page.locator("#form button.primary").click();
  await page.waitForURL(TARGET);

  await page.goto(`${authUrl}/login`);
  await page.locator(".who", { hasText: "عبد الرحمن" }).waitFor();
  await capture(page, "signed-in");
  await page.getByRole("link", { name: "English" }).click();
  await page.getByText("You are signed in as").waitFor();
  for (const path of ["login", "forgot", "reset#x", "verify#x", "invitation#x", "change#x"]) {
    const other = await browser.newTab(`${authUrl}/${path}`, await openContext(browser, { viewport: { width: 390, height: 844 } }));
    if (path.includes("#")) await other.locator("#lead.message").waitFor();
    await capture(other, path.replace("#x", ""));
    if (path !== "forgot") continue;
    await other.route("**/auth/password/forgot", (route) => route.fulfill({ status: 202, json: { continuation: "x" } }));
    await other.locator("#email").fill(LONG_ADDRESS);
    await other.keyboard.press("Enter");
    await other.locator("#code").waitFor();
    await capture(other, "forgot-code");
  }
});

/** Asserts that the page needs no horizontal scrolling. */
async function capture(page, name) {
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 844 });
    const needed = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(needed <= width, `${name} is ${needed} wide, of ${width}`);
  }
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `page-${name}-${colorScheme}.png`), fullPage: true });
  }
}
