import assert from "node:assert/strict";
import { ann } from "./control.mjs";
import { openDemo, register, signOut, waitForUser } from "./demo.mjs";
import { scenario } from "./scenario.mjs";

const expected = [/(401|409|422) \(.*\/auth\/(login|register)\)/];

/** Asserts that this field has the focus and an error with this text, which its description contains. */
async function assertError(page, field, text) {
  await page.locator(`${field}[aria-invalid=true]:focus`).waitFor();
  const described = await page.locator(field).getAttribute("aria-describedby");
  const error = page.locator(`#${described.split(" ")[0]}`);
  assert.match(await error.innerText(), text);
}

scenario("errors are at the field, and the first wrong field has the focus", expected, async (browser) => {
  const page = await openDemo(browser);
  const submit = (form) => page.locator(`#${form}-form button`).click();
  const fill = (form, name, value) => page.locator(`#${form}-form [name=${name}]`).fill(value);

  await submit("register");
  await assertError(page, "#register-email", /Enter an e-mail address/);
  assert.match(await page.locator("#register-password-error").innerText(), /Enter your password/);
  await fill("register", "email", "ann");
  assert.equal(await page.locator("#register-email-error").innerText(), "", "typing removes the error");
  await fill("register", "password", "short");
  await submit("register");
  await assertError(page, "#register-email", /such as name@example\.org/);
  await fill("register", "email", ann.email);
  await submit("register");
  await assertError(page, "#register-password", /9/);
  assert.ok(await page.locator("#register-password-hint").isHidden(), "the error replaces the hint");

  await register(page);
  await page.locator("#user-title:focus").waitFor();
  await signOut(page);
  await page.locator("#login-email:focus").waitFor();
  await fill("login", "email", ann.email);
  await fill("login", "password", "not my password");
  await submit("login");
  await assertError(page, "#login-password", /Wrong e-mail address or password/);

  await page.locator("#login-tab").press("ArrowLeft");
  await page.locator("#register-tab:focus[aria-selected=true]").waitFor();
  await fill("register", "email", ann.email);
  await fill("register", "password", ann.password);
  await submit("register");
  await assertError(page, "#register-email", /An account with this e-mail address exists/);
});

scenario("errors in the account section are at the field, too", [], async (browser) => {
  const page = await openDemo(browser);
  await register(page, { ...ann, name: "Dora", email: "dora@example.org" });
  for (const [id, field, text] of [
    ["password", "#current-password", /Enter your current password/],
    ["deletion", "#understood", /Confirm this first/],
  ]) {
    await page.locator(`#${id} summary`).click();
    await page.locator(`#${id} form button`).click();
    await assertError(page, field, text);
  }
});

scenario("the message at the bottom covers no focused element", [], async (browser) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 600 } });
  const page = await openDemo(browser, context);
  await register(page, { ...ann, name: "Bea", email: "bea@example.org" });
  await waitForUser(page, "Bea");
  await page.locator("#toast button").waitFor();
  const seen = new Set();
  for (let tabs = 0; tabs < 40; tabs += 1) {
    await page.keyboard.press("Tab");
    const { name, isCovered } = await page.evaluate(() => {
      const focused = document.activeElement;
      const { left, top, width, height } = focused.getBoundingClientRect();
      const y = Math.min(Math.max(top + height / 2, 1), innerHeight - 1);
      const found = document.elementFromPoint(left + width / 2, y);
      const isCovered = Boolean(found?.closest("#toast")) && !focused.closest("#toast");
      return { name: focused.id || focused.textContent.trim(), isCovered };
    });
    assert.ok(!isCovered, `${name} is behind the message`);
    seen.add(name);
  }
  assert.ok(seen.size > 15, [...seen].join(", "));
});
