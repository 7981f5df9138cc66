import assert from "node:assert/strict";
import { ann, authUrl } from "./control.mjs";
import { click, openDemo, register, signOut, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const expected = [/403 \(Forbidden\) .*\/auth\/login\)/];

scenario("after password_change_required, the sign-in form requests a new password", expected, async (browser) => {
  const page = await openDemo(browser);
  await register(page);
  await signOut(page);

  // As for a password that an administrator set. The server accepts the login once it includes a new password.
  let newPassword;
  await page.route(`${authUrl}/auth/login`, async (route) => {
    const { new_password, ...body } = route.request().postDataJSON();
    newPassword = new_password;
    const problem = { status: 403, code: "password_change_required", title: "Forbidden", detail: "For programs." };
    if (new_password) return route.continue({ postData: JSON.stringify(body) });
    return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });

  const field = (name) => page.locator(`#login-form [name=${name}]`);
  assert.ok(await field("new_password").isHidden());
  await field("email").fill(ann.email);
  await field("password").fill(ann.password);
  await click(page, "#login-form button");
  await page.locator("#login-form .error", { hasText: "An administrator set this password" }).waitFor();
  await page.locator("#login-form [name=new_password]:focus").waitFor();
  assert.equal(await field("password").inputValue(), ann.password);
  await click(page, "#login-form button");
  await page.locator("#login-form [name=new_password]:invalid").waitFor();

  // The field belongs to this user's login.
  await field("email").fill("bea@example.org");
  assert.ok(await field("new_password").isHidden());
  await field("email").fill(ann.email);
  await click(page, "#login-form button");
  await field("new_password").fill("my own long passphrase");
  await click(page, "#login-form button");
  await waitForUser(page);
  assert.equal(newPassword, "my own long passphrase");
  await signOut(page);
  assert.ok(await field("new_password").isHidden());
  assert.equal(await field("new_password").inputValue(), "");
});
