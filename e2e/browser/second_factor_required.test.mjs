// A server that requires a second factor: it is set up at the first sign-in, with its recovery codes.
import assert from "node:assert/strict";
import { code } from "./authenticator.mjs";
import { ann, authUrl } from "./control.mjs";
import { scenario } from "./scenario.mjs";
import { check, expected, focused, PHONE, secretOf, signIn } from "./second_factor.mjs";

scenario("a new user sets up an authenticator app before the first session", expected, async (browser) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  await page.goto(`${authUrl}/register`);
  await page.locator("#email").fill("new@example.org");
  await page.locator("#password").fill(ann.password);
  await page.keyboard.press("Enter");
  await focused(page, "enrol_code");
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
  await page.locator("#saved").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${authUrl}/account`);
  await page.locator("#factors-state", { hasText: "On" }).waitFor();
  await page.getByText("10 recovery codes left").waitFor();

  // The policy requires it: the last factor stays.
  await page.locator("#factors [data-part=remove]").click();
  await page.locator("#confirm-dialog .primary").click();
  await page.locator("#confirm-dialog .message", { hasText: "second step is required" }).waitFor();
  await context.clearCookies();
  await signIn(page, { ...ann, email: "new@example.org" }, browser);
  await focused(page, "factor_code");
});
