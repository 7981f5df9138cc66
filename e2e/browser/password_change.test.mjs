import assert from "node:assert/strict";
import { person, refreshes } from "./control.mjs";
import { call, click, isTold, logIn, openDemo, openPart } from "./demo.mjs";
import { register, seesLoginForm, seesName, stopRenewing } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const NEW = "a wholly different passphrase";
const submit = "#password-form button";

const refused = [
  /401 \(Unauthorized\) .*\/auth\/(password|refresh|login)\)/,
  /422 \(Unprocessable Entity\) .*\/auth\/password\)/,
  /401 \(Unauthorized\) .*\/protected\)/,
];

scenario("another password: this browser goes on in all tabs, another one is logged out", refused, async (stage) => {
  const [page, tab] = [await openDemo(stage), await openDemo(stage)];
  await register(page);
  await seesName(tab);
  const other = await openDemo(stage, await stage.somebody());
  await logIn(other);
  for (const one of [page, tab, other]) await stopRenewing(one);

  await openPart(page, "password");
  const change = async (current, next) => {
    await page.locator("#password-form [name=current_password]").fill(current);
    await page.locator("#password-form [name=new_password]").fill(next);
    await click(page, submit);
  };
  await change("not my password", NEW);
  await page.locator("#password-form [role=alert]", { hasText: "not your password" }).waitFor();
  await change(person.password, "short");
  await page.locator("#password-form .wrong", { hasText: "9" }).first().waitFor();
  assert.equal(await page.locator("#password-form [name=new_password]").getAttribute("aria-invalid"), "true");
  await seesName(page);

  const before = (await refreshes()).length;
  await change(person.password, NEW);
  await isTold(page, "password is changed");
  assert.deepEqual((await refreshes()).slice(before), ["200 passed"], "for a token that is not out of date");
  assert.equal(await page.locator("#password-form [name=new_password]").inputValue(), "", "it is not left there");

  await stage.advance(61);
  for (const one of [page, tab]) await call(one, "/protected", 200);
  assert.equal((await call(other, "/protected", 401)).code, "missing_token");
  await seesLoginForm(other);
  await isTold(other, "session has ended");
  await logIn(other, { ...person, password: NEW });
});
