// The console while the administrator is demoted or signed out, while the server restarts, and while another
// administrator changes the same user. Nothing that was typed is lost.
import assert from "node:assert/strict";
import { callAs, host, openView, settled, signInTo, userId } from "./console.mjs";
import { ann, startServer, stopServer, waitFor } from "./control.mjs";
import { scenario } from "./scenario.mjs";

const WITHIN_MS = 1_000;
/** Other tests can take all processors for a moment. */
const ATTEMPTS = 3;
/** Calls that this test makes fail. */
const expected = [/(401|403|404|409) \(/, /ERR_EMPTY_RESPONSE/, /ERR_ABORTED/, /ERR_CONNECTION/, /ERR_INCOMPLETE/];

const address = (page) => page.getByLabel("E-mail", { exact: true });
const save = (page) => page.getByRole("button", { name: "Save changes" });
const banner = (page, name) => page.locator(`[data-banner=${name}]`);

scenario("the console loses nothing typed", expected, async (browser) => {
  await signInTo(browser.context, host);
  const other = await browser.newContext();
  const { user: carol } = await callAs(other, "POST", "/auth/register", { email: "carol@example.org", password: ann.password });
  await callAs(browser.context, "PATCH", `/admin/users/${carol.id}`, { roles: ["admin"] });

  const page = await other.newPage();
  await openView(page, `#/users/${userId(1)}`, "Users");
  await address(page).fill("typed@example.org");

  // Demoted while a form is open.
  const setRoles = (roles) => callAs(browser.context, "PATCH", `/admin/users/${carol.id}`, { roles });
  const noticed = [];
  for (let attempt = 0; attempt < ATTEMPTS && !(noticed.at(-1) < WITHIN_MS); attempt += 1) {
    await setRoles(["admin"]);
    await banner(page, "lost").waitFor({ state: "detached" });
    const start = Date.now();
    await setRoles([]);
    await banner(page, "lost").waitFor();
    noticed.push(Date.now() - start);
  }
  assert.ok(noticed.at(-1) < WITHIN_MS, `noticed the demotion after ${noticed} ms`);
  assert.equal(await address(page).inputValue(), "typed@example.org");
  assert.equal(await address(page).evaluate((field) => field.readOnly && !field.disabled), true, "the text can be copied");
  assert.equal(await save(page).getAttribute("aria-disabled"), "true");
  await setRoles(["admin"]);
  await banner(page, "lost").waitFor({ state: "detached" });
  await save(page).click();
  await page.getByText("Saved the e-mail address of typed@").waitFor();

  // The server restarts while a form is open.
  await address(page).fill("again@example.org");
  await stopServer();
  await banner(page, "connection").waitFor();
  await save(page).click();
  const bar = page.locator(".save-bar");
  await bar.getByText("Nothing is lost: try again").waitFor();
  await startServer();
  await banner(page, "connection").waitFor({ state: "detached" });
  assert.equal(await address(page).inputValue(), "again@example.org");
  await bar.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Saved the e-mail address of again@").waitFor();
  const saved = await callAs(browser.context, "GET", `/admin/users/${userId(1)}`);
  assert.equal(saved.email, "again@example.org");

  // Another administrator changes what is open here.
  await address(page).fill("mine@example.org");
  await callAs(browser.context, "PATCH", `/admin/users/${userId(1)}`, { roles: ["support"], email: "theirs@example.org" });
  const notice = page.getByRole("alert").filter({ hasText: "Changed elsewhere" });
  await notice.getByText("theirs@example.org").waitFor();
  assert.equal(await address(page).inputValue(), "mine@example.org");
  assert.equal(await save(page).getAttribute("aria-disabled"), "true", "the change of the other is not overwritten");
  await notice.getByRole("button", { name: "Show the new values" }).click();
  await page.getByRole("button", { name: "Remove the role support" }).waitFor();
  assert.equal(await address(page).inputValue(), "mine@example.org");
  await page.getByRole("button", { name: "Discard" }).click();
  assert.equal(await address(page).inputValue(), "theirs@example.org");

  // Signed out while a form is open, and signed in again in another tab.
  await address(page).fill("kept@example.org");
  await callAs(browser.context, "DELETE", `/admin/users/${carol.id}/sessions`);
  await banner(page, "signed-out").waitFor();
  await signInTo(other, { ...carol, password: ann.password });
  await page.bringToFront();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await banner(page, "signed-out").waitFor({ state: "detached" });
  assert.equal(await address(page).inputValue(), "kept@example.org");
  await settled(page);
  await waitFor("the banners to go", async () => (await page.locator(".banner").count()) === 0);
});
