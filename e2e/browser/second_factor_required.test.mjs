// A server that requires a second factor: it is set up at the first sign-in, with its recovery codes.
import assert from "node:assert/strict";
import { code } from "./authenticator.mjs";
import { advanceServers, ann, authUrl, post } from "./control.mjs";
import { scenario } from "./scenario.mjs";
import { check, expected, focused, mailedCode, PHONE, secretOf, signIn } from "./second_factor.mjs";
import { addAuthenticator, PLAIN_KEY } from "./virtual_authenticator.mjs";

async function register(page, name) {
  await page.goto(`${authUrl}/register`);
  await page.locator("#email").fill(`${name}@example.org`);
  await page.locator("#password").fill(ann.password);
  await page.keyboard.press("Enter");
  await focused(page, "enrol_code");
}

/** Saves the recovery codes, and waits for the account. */
async function finish(page) {
  await page.locator("#saved").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${authUrl}/account`);
  await page.locator("#factors-state", { hasText: "On" }).waitFor();
}

scenario("a new user sets up an authenticator app before the first session", expected, async (browser) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  await register(page, "new");
  await page.locator(".qr path").waitFor({ state: "attached" });
  assert.deepEqual(await context.cookies(), [], "there is no session");
  await check(page, "enrol");

  // A phone that drops the page keeps the app: its code is enough. A new QR code can be shown.
  const first = await secretOf(page);
  await page.reload();
  await focused(page, "enrol_code");
  await check(page, "enrol-reloaded");
  await page.getByRole("button", { name: "Show a new QR code" }).click();
  await page.locator(".secret").waitFor();
  assert.notEqual(await secretOf(page), first);
  const secret = await secretOf(page);
  await page.locator("#enrol_code").pressSequentially(await code(secret));
  await page.locator(".recovery-codes li").nth(9).waitFor();
  await check(page, "enrol-codes");
  await page.getByRole("button", { name: "Continue" }).click();
  await focused(page, "saved");
  await finish(page);
  await page.getByText("10 recovery codes left").waitFor();

  // The policy requires it: the last factor stays.
  await page.locator("#factors [data-part=remove]").click();
  await page.locator("#confirm-dialog .primary").click();
  await page.locator("#confirm-dialog .message", { hasText: "second step is required" }).waitFor();
  await context.clearCookies();
  await signIn(page, { ...ann, email: "new@example.org" }, browser);
  await focused(page, "factor_code");
});

scenario("a user with a verified address first enters a mailed code", expected, async (browser) => {
  const email = "verified@example.org";
  await fetch(`${authUrl}/auth/register`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email, password: ann.password }) });
  // A new password by mail verifies the address.
  await advanceServers(61);
  const { continuation } = await post("/auth/password/forgot", { email });
  const earlier = await mailedCode(email);
  await post("/auth/password/reset", { continuation, code: earlier, new_password: ann.password });
  await advanceServers(61);

  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  await signIn(page, { ...ann, email }, browser);
  await focused(page, "email_code");
  await check(page, "enrol-mailed-code");
  await page.locator("#email_code").fill("00000000");
  await page.keyboard.press("Enter");
  await page.locator("#email_code-error", { hasText: "4 attempts left" }).first().waitFor();
  await page.reload();
  await focused(page, "email_code");
  await page.getByRole("button", { name: "Send the code again" }).click();
  await page.locator(".message.good", { hasText: "Sent again" }).waitFor();
  await page.locator("#email_code").fill(await mailedCode(email, earlier));
  await page.keyboard.press("Enter");
  await focused(page, "enrol_code");
  const secret = await secretOf(page);
  await page.locator("#enrol_code").pressSequentially(await code(secret));
  await page.locator(".recovery-codes li").nth(9).waitFor();
  await page.getByRole("button", { name: "Continue" }).click();
  await finish(page);
});

scenario("a new user sets up a passkey or a security key instead", expected, async (browser) => {
  for (const [kind, options] of Object.entries({ passkey: {}, "security key": PLAIN_KEY })) {
    const context = await browser.newContext(PHONE);
    const page = await context.newPage();
    const key = await addAuthenticator(page, options);
    await register(page, kind.replace(" ", "."));
    if (kind === "passkey") {
      await key.verify(false);
      await page.getByRole("button", { name: "Use a passkey instead" }).click();
      await page.getByText("No passkey was used").waitFor();
      await check(page, "enrol-passkey-cancelled");
      // There is no app yet whose code the page could ask for.
      await page.reload();
      await page.locator(".qr path").waitFor({ state: "attached" });
      await key.verify(true);
    }
    await page.getByRole("button", { name: `Use a ${kind} instead` }).click();
    await page.locator(".recovery-codes li").nth(9).waitFor();
    await check(page, `enrol-${kind.replace(" ", "-")}-codes`);
    await finish(page);
    const name = kind[0].toUpperCase() + kind.slice(1);
    await page.locator("#factors strong", { hasText: name }).waitFor();

    await context.clearCookies();
    // It is not chosen among those that the browser offers in the field.
    await key.touch(false);
    await signIn(page, { ...ann, email: `${kind.replace(" ", ".")}@example.org` }, browser);
    await page.getByText("Confirm with your passkey or security key").waitFor();
    await key.touch(true);
    await page.getByRole("button", { name: "Use a passkey or security key" }).click();
    await page.waitForURL(`${authUrl}/account`);
  }
});
