// Two-step sign-in: set up in the account, used at the sign-in, and asked for again by calls that require it.
import assert from "node:assert/strict";
import { code, nextCode } from "./authenticator.mjs";
import { authUrl, log } from "./control.mjs";
import { scenario } from "./scenario.mjs";
import { addApp, check, expected, focused, PHONE, signIn, toast, verifiedUser } from "./second_factor.mjs";

scenario("a user sets up an authenticator app, and signs in with its codes and with a recovery code", expected, async (browser) => {
  const user = await verifiedUser("two.step@example.org");
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  await signIn(page, user, browser);
  await page.locator("#view").waitFor();
  await page.locator("#factors-state", { hasText: "Off" }).waitFor();
  await check(page, "account-off");
  const { secret, codes } = await addApp(page);
  assert.equal(new Set(codes).size, 10);
  await check(page, "account-codes");
  // They are shown once: neither Escape nor the button closes them before the user has saved them.
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Done" }).click();
  await focused(page, "codes_saved");
  await page.locator("#codes_saved").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.locator("#factors-state", { hasText: "On" }).waitFor();
  await page.getByText("10 recovery codes left").waitFor();
  await page.locator("#activity li", { hasText: "Second step added" }).waitFor();
  await check(page, "account-on");

  // The code submits itself. A wrong one stays in the field with the focus, and then the user submits.
  await page.getByRole("button", { name: "Sign out" , exact: true }).first().click();
  await page.waitForURL(`${authUrl}/login`);
  await signIn(page, user, browser);
  await focused(page, "factor_code");
  await check(page, "login-code");
  const wrong = (await code(secret)) === "000000" ? "000001" : "000000";
  await page.locator("#factor_code").pressSequentially(wrong);
  await page.locator("#factor_code-error", { hasText: "wrong" }).waitFor();
  await focused(page, "factor_code");
  assert.equal((await log("/auth/login/factor")).length, 1);
  await check(page, "login-code-wrong");
  // A phone has dropped the page meanwhile.
  await page.reload();
  await focused(page, "factor_code");
  await page.locator("#factor_code").pressSequentially(await nextCode(secret));
  await page.waitForURL(`${authUrl}/account`);
  await page.locator("#view").waitFor();

  await context.clearCookies();
  await signIn(page, user, browser);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await focused(page, "recovery_code");
  await check(page, "login-recovery");
  await page.locator("#recovery_code").fill(codes[3].toLowerCase());
  await page.keyboard.press("Enter");
  await page.waitForURL(`${authUrl}/account`);
  await page.getByText("9 recovery codes left").waitFor();
});

scenario("a challenge that has expired says so, and the sign-in begins anew", expected, async (browser) => {
  const user = await verifiedUser("slow@example.org");
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  await signIn(page, user, browser);
  await page.locator("#view").waitFor();
  const { secret } = await addApp(page);
  await context.clearCookies();
  await signIn(page, user, browser);
  await focused(page, "factor_code");
  await browser.advance(601);
  await page.locator("#factor_code").pressSequentially(await code(secret));
  await page.getByText("That took too long").waitFor();
  await focused(page, "login");
  await check(page, "login-expired");
  await signIn(page, user, browser);
  await focused(page, "factor_code");
  await page.locator("#factor_code").pressSequentially(await nextCode(secret));
  await page.waitForURL(`${authUrl}/account`);
});

scenario("calls that require it ask for the second factor, and are repeated", expected, async (browser) => {
  const user = await verifiedUser("step.up@example.org");
  const page = await (await browser.newContext(PHONE)).newPage();
  await signIn(page, user, browser);
  await page.locator("#view").waitFor();
  const { secret } = await addApp(page);
  await page.locator("#codes_saved").check();
  await page.getByRole("button", { name: "Done" }).click();
  await toast(page, "added");
  await page.locator("#factors [data-part=rename]").click();
  await page.locator("#factor_name").fill("Ann’s phone");
  await browser.advance(301);
  await page.keyboard.press("Enter");
  await focused(page, "proof_code");
  await check(page, "account-step-up");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await focused(page, "proof_recovery_code");
  await page.getByRole("button", { name: "Use the authenticator app" }).click();
  await page.locator("#proof_code").fill(await nextCode(secret));
  await toast(page, "Renamed");
  await page.locator("#factors strong", { hasText: "Ann’s phone" }).waitFor();

  await page.getByRole("button", { name: "Make new recovery codes" }).click();
  await page.locator("#confirm-dialog .primary").click();
  await page.locator("#codes-dialog[open]").waitFor();
  await page.locator("#codes_saved").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Remove Ann’s phone" }).click();
  await check(page, "account-remove");
  await page.locator("#confirm-dialog .primary").click();
  await page.locator("#factors-state", { hasText: "Off" }).waitFor();
});
