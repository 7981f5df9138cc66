import assert from "node:assert/strict";
import { ann, refreshes } from "./control.mjs";
import {
  callButton, openDemo, shownResponse, waitForSignInForm, waitForStatus, waitForUser, waitUntilIdle,
} from "./demo.mjs";
import { scenario } from "./scenario.mjs";

/** More than the page has focusable elements. */
const MAX_TABS = 90;

/** The errors that Chromium reports for rejected calls. */
const expected = [/403 \(Forbidden\) .*\/admin\)/, /401 \(Unauthorized\) .*\/(protected|profile|transfer)\)/];

scenario("everything from registration to sign-out works with the keyboard", expected, async (browser) => {
  const page = await openDemo(browser);

  const focus = async (selector) => {
    for (let tabs = 0; tabs < MAX_TABS; tabs += 1) {
      if ((await page.locator(`${selector}:focus`).count()) === 1) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`the Tab key does not reach ${selector}`);
  };
  const type = async (field, text) => {
    await focus(field);
    await page.keyboard.type(text);
  };
  const press = async (button) => {
    await focus(button);
    await page.keyboard.press("Enter");
    await waitUntilIdle(page, button);
  };
  const call = async (path, status) => {
    await press(callButton(path));
    return shownResponse(page, path, status);
  };

  await type("#register-form [name=name]", ann.name);
  await type("#register-form [name=email]", ann.email);
  await type("#register-form [name=password]", ann.password);
  await page.keyboard.press("Enter");
  await waitForUser(page);

  assert.equal((await call("/protected", 200)).message, "Hello Ann");
  await call("/profile", 200);
  await call("/greeting", 200);
  assert.equal((await call("/admin", 403)).code, "role_required");
  await call("/transfer", 200);
  assert.deepEqual(await refreshes(), []);

  await browser.advance(61);
  await call("/protected", 200);
  await call("/profile", 200);
  assert.deepEqual(await refreshes(), ["200 passed"], "the calls share one token");

  await press("#logout");
  await waitForSignInForm(page);
  await waitForStatus(page, "Signed out");
  for (const path of ["/protected", "/profile", "/transfer"]) {
    assert.equal((await call(path, 401)).code, "missing_token");
  }
  assert.equal((await call("/greeting", 200)).message, "Hello stranger");

  await type("#login-form [name=email]", ann.email);
  await type("#login-form [name=password]", ann.password);
  await page.keyboard.press("Enter");
  await waitForUser(page);
  await call("/protected", 200);
});
