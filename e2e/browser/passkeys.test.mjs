// Passkeys and security keys, with authenticators that Chromium simulates: in the account, and at the sign-in.
import assert from "node:assert/strict";
import { authUrl, hold, log, release, waitFor } from "./control.mjs";
import { scenario } from "./scenario.mjs";
import { addApp, check, expected, focused, PHONE, signIn, toast, verifiedUser } from "./second_factor.mjs";
import { addAuthenticator, SYNCED, U2F } from "./virtual_authenticator.mjs";

const DESK = { viewport: { width: 1280, height: 800 } };
const ACCOUNT = `${authUrl}/account`;
const OPTIONS = "/auth/passkey/options";

/** Signs a new user in, whose browser has an authenticator. */
async function begin(browser, name, options, settings = PHONE) {
  const user = await verifiedUser(`${name}@example.org`);
  const page = await (await browser.newContext(settings)).newPage();
  const key = await addAuthenticator(page, options);
  await signIn(page, user, browser);
  await page.locator("#view").waitFor();
  return { page, key, user };
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const rows = (page) => page.locator("#factors .items li");
const message = (page, text) => page.locator("#form .message", { hasText: text }).waitFor();

async function closeCodes(page) {
  await page.locator("#codes_saved").check();
  await button(page, "Done").click();
  await page.locator("#factors-state", { hasText: "On" }).waitFor();
}

async function addPasskey(page) {
  await button(page, "Add passkey").click();
  await toast(page, "Added");
}

/** Opens the sign-in page without a session. */
async function openLogin(browser, page, query = "") {
  await page.context().clearCookies();
  await browser.advance(11);
  await page.goto(`${authUrl}/login${query}`);
  await focused(page, "login");
}

/** Signs in by the button, before the browser offers the passkey in the field: it would be chosen at once. */
async function signInByButton(browser, page, query, press = () => page.locator("[data-passkey]").click()) {
  await hold(OPTIONS);
  await openLogin(browser, page, query);
  await press();
  await release(OPTIONS);
}

/** Waits until the user is in the account. @returns what the access token says of the sign-in */
async function signedIn(page) {
  await page.waitForURL(ACCOUNT);
  await page.locator("#view").waitFor();
  const response = await page.context().request.post(`${authUrl}/auth/refresh`);
  const { access_token } = await response.json();
  const { acr, amr } = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
  return `${acr}: ${amr.join(" ")}`;
}

const attempts = () => log("/auth/passkey/login", "POST");

scenario("a passkey is added, signs in from the field and by the button, is renamed and removed", expected, async (browser) => {
  const { page, key, user } = await begin(browser, "passkey");
  await page.getByText("A passkey signs you in without your password").waitFor();
  await addPasskey(page);
  await page.locator("#factors-title:focus").waitFor();
  assert.equal((await key.credentials()).length, 1);
  assert.match(await rows(page).innerText(), /^Passkey\s+Passkey · added .* · never used\s+Rename\s+Remove$/);
  // The password stays sufficient until the user turns the second step on.
  await page.locator("#factors-state", { hasText: "Off" }).waitFor();
  await check(page, "account-passkey");

  await button(page, "Add passkey").click();
  await page.locator("#factors [role=alert]", { hasText: "registered already" }).waitFor();
  await check(page, "account-passkey-exists");
  await key.verify(false);
  await button(page, "Add passkey").click();
  await toast(page, "Nothing was added");
  assert.equal(await page.locator("#factors [role=alert]").isVisible(), false);
  assert.deepEqual([(await key.credentials()).length, await rows(page).count()], [1, 1]);
  await key.verify(true);

  // The browser offers passkeys as soon as the field has the focus, and the user chooses the only one.
  await hold(OPTIONS);
  await openLogin(browser, page);
  await button(page, "Sign in with a passkey").waitFor();
  assert.equal(await page.locator("#login").getAttribute("autocomplete"), "username webauthn");
  await check(page, "login-passkey");
  await release(OPTIONS);
  assert.equal(await signedIn(page), "phr: pop user mfa");
  await page.getByText(/last used/).waitFor();

  // By keyboard: the field, the password with its button, the check box, the button, and then the passkey.
  await signInByButton(browser, page, "", async () => {
    for (let count = 0; count < 5; count++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Sign in with a passkey");
    await page.keyboard.press("Enter");
  });
  assert.equal(await signedIn(page), "phr: pop user mfa");

  await button(page, "Rename Passkey").click();
  await focused(page, "factor_name");
  await page.keyboard.type("Ann’s laptop");
  await page.keyboard.press("Enter");
  await rows(page).filter({ hasText: "Ann’s laptop" }).waitFor();
  await button(page, "Remove Ann’s laptop").click();
  await button(page, "Remove").last().click();
  await toast(page, "Removed");
  assert.equal(await rows(page).count(), 0);
  await waitFor("the browser deletes the passkey", async () => (await key.credentials()).length === 0);
  await page.context().clearCookies();
  await signIn(page, user, browser);
  assert.equal(await signedIn(page), "1fa: pwd");
});

scenario("a passkey is the second step after the password, beside an authenticator app", expected, async (browser) => {
  const { page, key, user } = await begin(browser, "second.step");
  await addPasskey(page);
  await addApp(page);
  await closeCodes(page);
  await page.context().clearCookies();
  await key.touch(false);
  await signIn(page, user, browser);
  await focused(page, "factor_code");
  await key.touch(true);
  await button(page, "Use a passkey or security key").click();
  assert.equal(await signedIn(page), "phr: pwd pop user mfa");
});

scenario("a passkey whose user is not verified is refused: by the browser, and by the server", expected, async (browser) => {
  const { page, key } = await begin(browser, "unverified");
  await addPasskey(page);
  await key.verify(false);
  const before = (await attempts()).length;
  await signInByButton(browser, page);
  await message(page, "No passkey was used");
  assert.equal((await attempts()).length, before);
  await check(page, "login-passkey-cancelled");
  await page.evaluate(() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    navigator.credentials.get = ({ publicKey, ...options }) =>
      get({ ...options, publicKey: { ...publicKey, userVerification: "discouraged" } });
  });
  await button(page, "Sign in with a passkey").click();
  await message(page, "was not accepted");
  assert.deepEqual((await attempts()).slice(before), ["401 passed"]);
  await check(page, "login-passkey-invalid");
});

scenario("a passkey that the server does not know is deleted by the browser", expected, async (browser) => {
  const { page, key } = await begin(browser, "unknown");
  await addPasskey(page);
  const { request } = page.context();
  const { factors } = await (await request.get(`${authUrl}/auth/factors`)).json();
  assert.equal((await request.delete(`${authUrl}/auth/factors/${factors[0].id}`)).status(), 204);
  await signInByButton(browser, page, "?lang=de");
  await button(page, "Mit einem Passkey anmelden").waitFor();
  await message(page, "Dieser Passkey ist hier nicht bekannt");
  await check(page, "login-passkey-unknown-german");
  await waitFor("the browser deletes the passkey", async () => (await key.credentials()).length === 0);
});

scenario("a copy of a passkey is refused, and of a synchronised one reported", expected, async (browser) => {
  for (const [options, isSynced] of [[{}, false], [SYNCED, true]]) {
    const { page, key } = await begin(browser, isSynced ? "synced" : "bound", options);
    await addPasskey(page);
    assert.equal(await rows(page).getByText("Synced").isVisible(), isSynced);
    if (isSynced) await check(page, "account-passkey-synced");
    await signInByButton(browser, page);
    await signedIn(page);
    await key.rewind();
    await signInByButton(browser, page);
    if (!isSynced) {
      await message(page, "was not accepted");
      continue;
    }
    assert.equal(await signedIn(page), "phr: pop user mfa");
    await page.locator("#activity", { hasText: "Passkey used in an unusual way" }).waitFor();
  }
});

scenario("a security key is a second step only, and confirms calls that require it", expected, async (browser) => {
  const { page, key, user } = await begin(browser, "security.key", U2F, DESK);
  await button(page, "Add security key").click();
  await page.locator("#codes-dialog[open]").waitFor();
  await closeCodes(page);
  assert.match(await rows(page).innerText(), /^Security key\s+Security key · added/);
  assert.equal((await key.credentials())[0].isResidentCredential, false);

  await page.context().clearCookies();
  await signIn(page, user, browser);
  await page.getByText("Confirm with your passkey or security key").waitFor();
  await page.waitForFunction(() => document.activeElement.textContent.startsWith("Confirm with"));
  await check(page, "login-security-key");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await signedIn(page), "phr: pwd pop user mfa");

  await browser.advance(301);
  await button(page, "Rename Security key").click();
  await page.locator("#factor_name").fill("Blue key");
  await page.keyboard.press("Enter");
  await focused(page, "proof_passkey");
  await check(page, "account-step-up-key");
  await button(page, "Continue").click();
  await rows(page).filter({ hasText: "Blue key" }).waitFor();
});

scenario("a browser without passkeys shows none of it", expected, async (browser) => {
  const user = await verifiedUser("old.browser@example.org");
  const context = await browser.newContext(PHONE);
  await context.addInitScript(() => delete globalThis.PublicKeyCredential);
  const page = await context.newPage();
  await openLogin(browser, page);
  assert.equal(await page.getByRole("button", { name: /passkey/ }).count(), 0);
  await signIn(page, user, browser);
  await page.locator("#view").waitFor();
  assert.equal(await button(page, "Add authenticator app").isVisible(), true);
  for (const name of ["Add passkey", "Add security key"]) assert.equal(await button(page, name).isVisible(), false);
});
