// Administrators who need a second factor: the console says so, confirms in place, and resets the factors of users.
import { code, nextCode } from "./authenticator.mjs";
import { authUrl } from "./control.mjs";
import { host, openView } from "./console.mjs";
import { scenario } from "./scenario.mjs";
import { addApp, check, expected, mailedCode, signIn, verifiedUser } from "./second_factor.mjs";

const DESK = { viewport: { width: 1280, height: 800 } };

async function closeCodes(page) {
  await page.locator("#codes_saved").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.locator("#factors-state", { hasText: "On" }).waitFor();
}

/** Signs in, and adds an authenticator app. @returns its secret */
async function signInWithApp(browser, context, user) {
  const page = await context.newPage();
  await signIn(page, user, browser);
  return addFirstApp(page, user);
}

/** Adds an authenticator app on the account page, for which the address must be verified. */
async function addFirstApp(page, user) {
  await page.locator("#view").waitFor();
  if (await page.locator("#verify-request").isVisible()) {
    await page.locator("#verify-request").click();
    await page.locator("#code:focus").fill(await mailedCode(user.email));
    await page.keyboard.press("Enter");
    await page.locator("#email-state", { hasText: /^Verified/ }).waitFor();
  }
  const { secret } = await addApp(page);
  await closeCodes(page);
  return secret;
}

scenario("an administrator sets up a factor, and resets that of a user", expected, async (browser) => {
  const user = await verifiedUser("lost.phone@example.org");
  await signInWithApp(browser, await browser.newContext(DESK), user);

  const context = await browser.newContext(DESK);
  const admin = await context.newPage();
  await signIn(admin, host, browser);
  await admin.locator("#view").waitFor();
  await admin.goto(`${authUrl}/admin/`);
  await admin.getByRole("heading", { name: "Confirm with your second factor" }).waitFor();
  await admin.getByText("You have none yet").waitFor();
  await check(admin, "console-withheld");
  await admin.getByRole("link", { name: "Set up a second factor" }).click();
  const secret = await addFirstApp(admin, host);
  await admin.goto(`${authUrl}/admin/`);
  await admin.getByRole("heading", { name: /^(Overview|Confirm with your second factor)$/ }).waitFor();
  if (await admin.getByRole("button", { name: "Confirm" }).isVisible()) {
    await admin.getByRole("button", { name: "Confirm" }).click();
    await check(admin, "console-confirm");
    await admin.getByLabel("Code of your authenticator app").fill(await nextCode(secret));
    await admin.keyboard.press("Enter");
  }
  await admin.getByRole("heading", { name: "Overview" }).waitFor();

  await openView(admin, "#/users", "Users");
  await admin.getByRole("link", { name: user.email }).first().click();
  await admin.getByRole("heading", { name: /Second factors/ }).waitFor();
  await admin.locator(".user-factors li").waitFor();
  await check(admin, "console-factors");
  await browser.advance(301);
  await admin.getByRole("button", { name: "Reset …" }).click();
  await admin.locator("dialog input").fill(user.email);
  await admin.getByRole("button", { name: "Reset second factors" }).click();
  const dialog = admin.getByRole("dialog", { name: "Confirm with your second factor" });
  await dialog.getByLabel("Code of your authenticator app").fill("000000");
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.getByText("This code is wrong").waitFor();
  await dialog.getByLabel("Code of your authenticator app").fill(await code(secret));
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await admin.getByText("This user has none").waitFor();

  // The password is enough again.
  const again = await (await browser.newContext(DESK)).newPage();
  await signIn(again, user, browser);
  await again.locator("#factors-state", { hasText: "Off" }).waitFor();
});
