// Registration, forgotten password and change of the address, with the mails in the mailbox of the local stack.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ann, authUrl, log, post, waitFor } from "./control.mjs";
import { click, openDemo, signOut, toggleSection, waitForSignInForm, waitForStatus, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";
import { addAuthenticator } from "./virtual_authenticator.mjs";

const NEW_PASSWORD = "seven quiet maps paint an otter";
/** Folder for screenshots. If it is not set, none are taken. */
const folder = process.env.SCREENSHOTS;

/** Errors that Chromium reports: rejected calls, those of a page that is left, and Playwright's scripts in the frame of a mail. */
const expected = [/4(01|03|10|22|29) \(/, /Blocked script execution in 'about:(blank|srcdoc)'/, /net::ERR_ABORTED/];

/** The user at one screen size, with tabs for the demo and the mailbox. */
async function visit(browser, width, isMobile) {
  const context = await browser.newContext({ viewport: { width, height: 844 }, isMobile, hasTouch: isMobile });
  await context.route(`${authUrl}/account`, (route) => route.fulfill({ body: "the account" }));
  const demo = await openDemo(browser, context);
  const mailbox = await browser.newTab(`${authUrl}/demo/mail`, context);
  return { browser, context, width, demo, mailbox, scanned: new Set() };
}

/** Opens the newest mail to this address in the mailbox. */
async function openMail({ mailbox }, to, subject) {
  await mailbox.bringToFront();
  const row = mailbox.locator("#list a", { hasText: subject }).filter({ hasText: to }).first();
  await waitFor(`a mail to ${to}`, async () => {
    // The page looks for new mails every two seconds.
    await mailbox.clock.runFor(2000);
    return row.isVisible();
  });
  await row.click();
  await mailbox.locator("#to", { hasText: to }).waitFor();
  await mailbox.locator("#subject", { hasText: subject }).waitFor();
}

async function codeInMail(visitor, to, subject) {
  await openMail(visitor, to, subject);
  const text = await visitor.mailbox.locator("#text").textContent();
  return text.match(/^ +(\d{8})$/m)[1];
}

/** Opens the link of a mail in a new tab. At the first mail of a kind, programs have opened it before that press nothing. */
async function openLink(visitor, to, subject) {
  await openMail(visitor, to, subject);
  const link = visitor.mailbox.frameLocator("#html").locator("a[style*=background]");
  if (!visitor.scanned.has(subject)) await scan(visitor.browser, await link.getAttribute("href"));
  visitor.scanned.add(subject);
  const [page] = await Promise.all([visitor.context.waitForEvent("page"), link.click()]);
  await page.locator("main form:visible").waitFor();
  await capture(page, visitor, new URL(page.url()).pathname.split("/").at(-1));
  return page;
}

/** HEAD, GET and prefetch, and a browser that runs the scripts of the page and follows its links. */
async function scan(browser, url) {
  const before = (await Promise.all(REDEEMING.map((path) => log(path)))).flat().length;
  const scanner = await browser.newContext();
  await scanner.request.head(url);
  await scanner.request.get(url);
  await scanner.request.get(url, { headers: { "Sec-Purpose": "prefetch" } });
  const page = await browser.newTab(url, scanner);
  await page.locator("main form:visible").waitFor();
  await page.evaluate((href) => {
    const hint = Object.assign(document.createElement("link"), { rel: "prefetch", href });
    document.head.append(hint);
  }, url);
  await page.locator("main form:visible").locator("input:visible, button:visible").first().focus();
  await scanner.close();
  const after = (await Promise.all(REDEEMING.map((path) => log(path)))).flat().length;
  assert.equal(after, before, "nothing is sent until a button is pressed");
}
const REDEEMING = ["/auth/register/confirm", "/auth/email/verify", "/auth/email/confirm", "/auth/password/reset"];

/** Fills the fields of a form and presses its button. */
async function submit(page, form, fields) {
  for (const [name, value] of Object.entries(fields)) await page.locator(`${form} [name=${name}]`).fill(value);
  await page.locator(`${form} button:not([type=button])`).first().click();
}

const waitForText = (page, text) => page.getByText(text).filter({ visible: true }).first().waitFor();

async function register({ demo }, user) {
  await demo.bringToFront();
  await demo.locator("#register-tab").click();
  const { name, email, password } = user;
  await submit(demo, "#register-form", { name, email, password });
  await demo.locator("#code-form").waitFor();
}

async function signIn({ demo }, { email, password }) {
  await demo.bringToFront();
  await demo.locator("#login-tab").click();
  await submit(demo, "#login-form", { email, password });
}

/** Light and dark. */
async function capture(page, { width }, name) {
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(scroll <= width, `${name} is ${scroll} wide, of ${width}`);
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
  }
}

scenario("a user registers, forgets the password and changes the address, with codes", expected, async (browser) => {
  const visitor = await visit(browser, 1280, false);
  const { demo } = visitor;
  await register(visitor, ann);
  await capture(demo, visitor, "register-code");
  await submit(demo, "#code-form", { code: "00000000" });
  await demo.locator("#code-form-code-error", { hasText: "wrong" }).waitFor();
  await demo.locator("#code-form").getByRole("button", { name: "Send again" }).click();
  await demo.locator("#status", { hasText: "Too many mails" }).waitFor();
  await submit(demo, "#code-form", { code: await codeInMail(visitor, ann.email, "Confirm your e-mail address") });
  await demo.bringToFront();
  await waitForUser(demo);
  await waitForStatus(demo, "Account created");
  await signOut(demo);

  await browser.advance(61);
  await demo.locator("#login-tab").click();
  await demo.getByRole("link", { name: "Forgot your password?" }).click();
  await capture(demo, visitor, "forgot");
  await submit(demo, "#form", { email: "anne@example.org" });
  await waitForText(demo, "an e-mail is on its way");
  await demo.reload();
  await waitForText(demo, "an e-mail is on its way");
  await demo.getByRole("button", { name: "Use another address" }).click();
  await submit(demo, "#form", { email: ann.email });
  await waitForText(demo, "an e-mail is on its way");
  await capture(demo, visitor, "forgot-code");
  await submit(demo, "#form", { code: "1234", new_password: NEW_PASSWORD });
  await demo.locator("#code-error", { hasText: "8 digits" }).waitFor();
  const code = await codeInMail(visitor, ann.email, "Set a new password");
  await demo.bringToFront();
  await demo.reload();
  await submit(demo, "#form", { code, new_password: "password" });
  await demo.locator("#new_password-error:not(:empty)").waitFor();
  await submit(demo, "#form", { code, new_password: NEW_PASSWORD });
  await waitForText(demo, "Your password is changed");
  await capture(demo, visitor, "forgot-done");
  await demo.goto(`${authUrl}/demo/`);
  await waitForSignInForm(demo);
  await signIn(visitor, { ...ann, password: NEW_PASSWORD });
  await waitForUser(demo);

  await browser.advance(61);
  await toggleSection(demo, "email");
  await capture(demo, visitor, "email");
  await submit(demo, "#email-form", { email: "new@example.com" });
  await demo.locator("#email-code-form").waitFor();
  await capture(demo, visitor, "email-code");
  const proof = await codeInMail(visitor, "new@example.com", "Confirm your new e-mail address");
  await demo.bringToFront();
  await submit(demo, "#email-code-form", { code: proof });
  await demo.locator("#email-state", { hasText: "new@example.com is verified" }).waitFor();
  await demo.locator("#user-facts", { hasText: "new@example.com" }).waitFor();
});

scenario("a user registers, forgets the password and changes the address, with links", expected, async (browser) => {
  const visitor = await visit(browser, 390, true);
  const { demo, context } = visitor;
  const bob = { name: "Bob", email: "bob@example.org", password: ann.password };
  await register(visitor, bob);
  let page = await openLink(visitor, bob.email, "Confirm your e-mail address");
  await submit(page, "#link-form", { link_password: "another password" });
  await waitForText(page, "password is wrong");
  await submit(page, "#link-form", { link_password: bob.password });
  await page.waitForURL(`${authUrl}/account`);
  await demo.bringToFront();
  await waitForUser(demo, bob.name);

  // The path in earlier mails.
  await browser.advance(61);
  page = await browser.newTab(`${authUrl}/account/forgot`, context);
  await submit(page, "#form", { email: bob.email });
  await waitForText(page, "an e-mail is on its way");
  page = await openLink(visitor, bob.email, "Set a new password");
  await submit(page, "#form", { new_password: NEW_PASSWORD });
  await waitForText(page, "Your password is changed");
  await click(demo, "#refresh");
  await waitForSignInForm(demo);
  await signIn(visitor, { ...bob, password: NEW_PASSWORD });
  await waitForUser(demo, bob.name);

  await browser.advance(61);
  await toggleSection(demo, "email");
  await submit(demo, "#email-form", { email: "bob@example.com" });
  await demo.locator("#email-code-form").waitFor();
  page = await openLink(visitor, "bob@example.com", "Confirm your new e-mail address");
  const used = page.url();
  await page.getByRole("button", { name: "Confirm" }).click();
  await waitForText(page, "Your address is now bob@example.com");
  await demo.bringToFront();
  await demo.reload();
  await demo.locator("#user-facts", { hasText: "bob@example.com" }).waitFor();
  page = await browser.newTab(used, context);
  await waitForText(page, "no longer valid");
  await page.locator("#again").waitFor();
  await capture(page, visitor, "change-invalid");

  // In a browser without a session, the page of the link signs in.
  await browser.advance(61);
  await toggleSection(demo, "email");
  await submit(demo, "#email-form", { email: "bob@example.net" });
  await demo.locator("#email-code-form").waitFor();
  page = await openLink(visitor, "bob@example.net", "Confirm your new e-mail address");
  const elsewhere = await browser.newTab(page.url(), await browser.newContext({ viewport: { width: 390, height: 844 } }));
  await elsewhere.getByRole("button", { name: "Confirm" }).click();
  await waitForText(elsewhere, "not signed in here");
  await capture(elsewhere, visitor, "change-sign-in");
  await submit(elsewhere, "#sign-in-form", { login: "bob@example.com", password: NEW_PASSWORD });
  await waitForText(elsewhere, "Your address is now bob@example.net");
});

scenario("a user creates an account and signs in on the pages, with codes that survive a reload", expected, async (browser) => {
  const visitor = await visit(browser, 1280, false);
  const { context } = visitor;
  const target = `${process.env.PAGE_URL}/cart?item=7`;
  await context.route(`${process.env.PAGE_URL}/**`, (route) => route.fulfill({ body: "the app" }));
  const page = await browser.newTab(`${authUrl}/login?return_to=${encodeURIComponent(target)}`, context);
  await page.getByRole("link", { name: "Create account" }).click();
  await waitForText(page, "Continue to");
  await submit(page, "#form", { email: "cleo@example.org", name: "Cleo", password: ann.password });
  await waitForText(page, "a code to cleo@example.org");
  await page.reload();
  await waitForText(page, "a code to cleo@example.org");
  await capture(page, visitor, "register-page-code");
  const code = await codeInMail(visitor, "cleo@example.org", "Confirm your e-mail address");
  await page.bringToFront();
  await submit(page, "#form", { code: "00000000" });
  await page.locator("#code-error", { hasText: "attempts left" }).waitFor();
  await submit(page, "#form", { code });
  await page.waitForURL(target);

  // The host of the stack has not proved the address.
  const other = await browser.newContext({ viewport: { width: 1280, height: 844 } });
  await other.route(`${authUrl}/account`, (route) => route.fulfill({ body: "the account" }));
  const login = await browser.newTab(`${authUrl}/login`, other);
  await submit(login, "#form", { login: "host@example.org", password: ann.password });
  await waitForText(login, "We have sent you a code");
  await capture(login, visitor, "login-code");
  await login.reload();
  await waitForText(login, "We have sent you a code");
  await submit(login, "#form", { code: await codeInMail(visitor, "host@example.org", "Confirm your e-mail address") });
  await waitForText(login, "Sign in to continue");
  await submit(login, "#form", { login: "host@example.org", password: ann.password });
  await login.waitForURL(`${authUrl}/account`);
});

/** Changes the address of a user as an administrator. It is not proved then. */
async function setAddress(from, to) {
  const host = { email: "host@example.org", password: ann.password, token_delivery: "body" };
  const { refresh_token: token } = await post("/auth/login", host);
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const { items } = await (await fetch(`${authUrl}/admin/users?q=${from}`, { headers })).json();
  const change = { method: "PATCH", headers, body: JSON.stringify({ email: to }) };
  const response = await fetch(`${authUrl}/admin/users/${items[0].id}`, change);
  assert.equal(response.status, 200);
}

scenario("a user whose new address is not proved opens the link at the next login", expected, async (browser) => {
  const visitor = await visit(browser, 390, true);
  const { demo } = visitor;
  const dora = { email: "dora@example.org", password: ann.password };
  await setAddress("cleo@example.org", dora.email);
  await signIn(visitor, dora);
  await demo.locator("#code-form").waitFor();
  const page = await openLink(visitor, dora.email, "Confirm your e-mail address");
  await page.getByRole("button", { name: "Confirm" }).click();
  await waitForText(page, "not signed in here");
  await capture(page, visitor, "verify-password");
  await submit(page, "#form", { password: dora.password });
  await waitForText(page, "is confirmed");
  await demo.bringToFront();
  await demo.locator("#code-form").getByRole("button", { name: "Cancel" }).click();
  await signIn(visitor, dora);
  await waitForUser(demo, "Cleo");
});

scenario("a user whose new address is not proved signs in with a passkey", expected, async (browser) => {
  // Its tabs have the account itself.
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const mailbox = await browser.newTab(`${authUrl}/demo/mail`, context);
  const visitor = { browser, context, width: 390, mailbox };
  const page = await browser.newTab(`${authUrl}/login`, context);
  await addAuthenticator(page);
  await submit(page, "#form", { login: "dora@example.org", password: ann.password });
  await page.getByRole("button", { name: "Add passkey" }).click();
  await page.locator("#toast", { hasText: "Added" }).waitFor();
  await setAddress("dora@example.org", "erik@example.org");
  await context.clearCookies();
  await browser.advance(61);
  await page.goto(`${authUrl}/login`);
  // The field offers the passkey, which is chosen at once, and again after the code.
  await waitForText(page, "We have sent you a code");
  await capture(page, visitor, "login-passkey-code");
  const code = await codeInMail(visitor, "erik@example.org", "Confirm your e-mail address");
  await page.bringToFront();
  await submit(page, "#form", { code });
  await page.waitForURL(`${authUrl}/account`);
  await page.locator("#email-now", { hasText: "erik@example.org" }).waitFor();
});
