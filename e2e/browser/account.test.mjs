import assert from "node:assert/strict";
import { loseAnswers, person, post, refreshes, refreshPath, until } from "./control.mjs";
import { call, click, confirm, isDone, isTold, logIn, loginItem, openDemo, openPart } from "./demo.mjs";
import { register, seesDialog, seesLoginForm, seesName, stopRenewing } from "./demo.mjs";
import { scenario } from "./stage.mjs";
import { lost } from "./tabs.mjs";

const refused = [
  ...lost,
  /401 \(Unauthorized\) .*\/(protected|auth\/refresh|auth\/sessions)\)/,
  /403 \(Forbidden\) .*\/auth\/me\)/,
];

scenario("other logins are seen and ended, and the account is deleted", refused, async (stage) => {
  const [page, tab] = [await openDemo(stage), await openDemo(stage)];
  await register(page);
  await seesName(tab);
  const other = await openDemo(stage, await stage.somebody());
  await logIn(other);
  for (const one of [page, other]) await stopRenewing(one);

  // The token in the cookie is spent, and too old for the grace: what the page asks then must not look like a theft.
  const before = (await refreshes()).length;
  await loseAnswers(refreshPath, 1);
  await click(page, "#refresh");
  await isTold(page, "cannot be reached");
  await stage.advance(11);
  await openPart(page, "sessions");
  const [mine, theirs] = [loginItem(page, { current: true }), loginItem(page, { current: false })];
  await theirs.getByText("127.0.0.1").waitFor();
  assert.deepEqual([await mine.count(), await theirs.count()], [1, 1]);
  assert.deepEqual((await refreshes()).slice(before), ["200 lost", "200 passed"]);
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
    "An answer that had got lost was sent once more",
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
  const { email, password } = person;
  await assert.rejects(post("/auth/login", { email, password }), /401/, "nobody has that password");
});
