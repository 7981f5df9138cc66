import assert from "node:assert/strict";
import { ann, refreshes } from "./control.mjs";
import {
  call, click, openDemo, register, signIn, stopRenewing, toggleSection, waitForSignInForm, waitForStatus,
  waitForUser,
} from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const NEW = "a completely different passphrase";
const submit = "#password-form button";

const expected = [
  /401 \(Unauthorized\) .*\/auth\/(password|refresh|login)\)/,
  /422 \(Unprocessable Entity\) .*\/auth\/password\)/,
  /401 \(Unauthorized\) .*\/protected\)/,
];

scenario("a password change keeps this browser signed in and signs out others", expected, async (browser) => {
  const [page, tab] = [await openDemo(browser), await openDemo(browser)];
  await register(page);
  await waitForUser(tab);
  const other = await openDemo(browser, await browser.newContext());
  await signIn(other);
  for (const each of [page, tab, other]) await stopRenewing(each);

  await toggleSection(page, "password");
  const change = async (current, next) => {
    await page.locator("#password-form [name=current_password]").fill(current);
    await page.locator("#password-form [name=new_password]").fill(next);
    await click(page, submit);
  };
  await change("not my password", NEW);
  await page.locator("#password-form [role=alert]", { hasText: "Wrong password" }).waitFor();
  await change(ann.password, "short");
  await page.locator("#password-form .error", { hasText: "9" }).first().waitFor();
  assert.equal(await page.locator("#password-form [name=new_password]").getAttribute("aria-invalid"), "true");
  await waitForUser(page);

  const before = (await refreshes()).length;
  await change(ann.password, NEW);
  await waitForStatus(page, "Password changed");
  assert.equal((await refreshes()).length, before, "the response has a token that is not stale");
  assert.equal(await page.locator("#password-form [name=new_password]").inputValue(), "", "the field is cleared");

  await browser.advance(61);
  for (const each of [page, tab]) await call(each, "/protected", 200);
  assert.equal((await call(other, "/protected", 401)).code, "missing_token");
  await waitForSignInForm(other);
  await waitForStatus(other, "session has ended");
  await signIn(other, { ...ann, password: NEW });
});
