import assert from "node:assert/strict";
import { person, refreshes } from "./control.mjs";
import { callButton, isDone, isTold, openDemo, seesLoginForm, seesName, showsAnswer } from "./demo.mjs";
import { scenario } from "./stage.mjs";

/** More than the page has to stop at. */
const STOPS = 40;

/** What a browser says of calls that the API refuses, as it should. */
const refused = [/403 \(Forbidden\) .*\/admin\)/, /401 \(Unauthorized\) .*\/(protected|profile|transfer)\)/];

scenario("from registering to logging out by keyboard alone", refused, async (stage) => {
  const page = await openDemo(stage);

  const goTo = async (place) => {
    for (let stop = 0; stop < STOPS; stop += 1) {
      if ((await page.locator(`${place}:focus`).count()) === 1) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`the Tab key does not lead to ${place}`);
  };
  const type = async (field, text) => {
    await goTo(field);
    await page.keyboard.type(text);
  };
  const press = async (button) => {
    await goTo(button);
    await page.keyboard.press("Enter");
    await isDone(page, button);
  };
  const call = async (path, status) => {
    await press(callButton(path));
    return showsAnswer(page, path, status);
  };

  await type("#register-form [name=name]", person.name);
  await type("#register-form [name=email]", person.email);
  await type("#register-form [name=password]", person.password);
  await page.keyboard.press("Enter");
  await seesName(page);

  assert.equal((await call("/protected", 200)).message, "Hello Ann");
  await call("/profile", 200);
  await call("/greeting", 200);
  assert.equal((await call("/admin", 403)).code, "role_required");
  await call("/transfer", 200);
  assert.deepEqual(await refreshes(), []);

  await stage.advance(61);
  await call("/protected", 200);
  await call("/profile", 200);
  assert.deepEqual(await refreshes(), ["200 passed"], "one token for all calls");

  await press("#logout");
  await seesLoginForm(page);
  await isTold(page, "Logged out");
  for (const path of ["/protected", "/profile", "/transfer"]) {
    assert.equal((await call(path, 401)).code, "missing_token");
  }
  assert.equal((await call("/greeting", 200)).message, "Hello stranger");

  await type("#login-form [name=email]", person.email);
  await type("#login-form [name=password]", person.password);
  await page.keyboard.press("Enter");
  await seesName(page);
  await call("/protected", 200);
});
