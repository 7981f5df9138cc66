import assert from "node:assert/strict";
import { person, until } from "./control.mjs";
import { call, confirm, isDone, isTold, logIn, loginItem, openDemo, openPart, register, seesDialog } from "./demo.mjs";
import { seesLoginForm, seesName, stopRenewing } from "./demo.mjs";
import { scenario } from "./stage.mjs";

const refused = [
  /401 \(Unauthorized\) .*\/(protected|auth\/refresh|auth\/login|auth\/reauthenticate)\)/,
  /403 \(Forbidden\) .*\/auth\/me\)/,
];

scenario("other logins are seen and ended, and the account is deleted", refused, async (stage) => {
  const [page, tab] = [await openDemo(stage), await openDemo(stage)];
  await register(page);
  await seesName(tab);
  const other = await openDemo(stage, await stage.somebody());
  await logIn(other);
  for (const one of [page, other]) await stopRenewing(one);

  await openPart(page, "sessions");
  const [mine, theirs] = [loginItem(page, { current: true }), loginItem(page, { current: false })];
  await theirs.getByText("127.0.0.1").waitFor();
  assert.deepEqual([await mine.count(), await theirs.count()], [1, 1]);
  await theirs.getByRole("button", { name: "Log out" }).click();
  await isTold(page, "Logged out: ");
  await theirs.waitFor({ state: "detached" });
  assert.equal(await mine.count(), 1);
  await page.locator("#sessions summary:focus").waitFor();

  await stage.advance(61);
  assert.equal((await call(other, "/protected", 401)).code, "missing_token");
  await seesLoginForm(other);
  await call(page, "/protected", 200);

  await openPart(page, "events");
  const happened = page.locator("#event-list [data-part=what]");
  await happened.first().waitFor();
  assert.deepEqual(await happened.allInnerTexts(), [
    "A login was ended from elsewhere",
    "Logged in",
    "The account was made",
  ]);

  // Who wants to be deleted ticks that they know, and gives the password if the last time is long ago.
  await stage.advance(301);
  await openPart(page, "deletion");
  const button = page.locator("#deletion-form button");
  await button.click();
  await page.locator("#deletion-form input:invalid:focus").waitFor();
  await page.keyboard.press("Space");
  await button.click();
  await seesDialog(page);
  await confirm(page, "not my password");
  await page.locator("#confirmation [role=alert]", { hasText: "not your password" }).waitFor();
  await page.locator("#confirmation-cancel").click();
  await seesDialog(page, "hidden");
  await seesName(page);

  await isDone(page, "#deletion-form button");
  await button.click();
  await confirm(page, person.password);
  for (const one of [page, tab]) await seesLoginForm(one);
  await isTold(page, "account is deleted");
  const cookies = async () => (await stage.person.cookies()).length === 0;
  await until("no cookie is left, not even the device's", cookies);

  await page.locator("#login-form [name=email]").fill(person.email);
  await page.locator("#login-form [name=password]").fill(person.password);
  await page.keyboard.press("Enter");
  await isTold(page, "The name or the password is wrong");
});
