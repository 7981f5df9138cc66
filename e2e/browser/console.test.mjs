// All views of the administrators' console, with a mouse, with the keyboard alone, and on a phone.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { violations } from "./axe.mjs";
import { callAs, confirmPassword, host, openView, settled, signInTo, userId } from "./console.mjs";
import { ann, authUrl } from "./control.mjs";
import { assertStable, observeShifts } from "./layout_shift.mjs";
import { scenario } from "./scenario.mjs";

const MAX_SHIFT = 0.05;
/** In bytes with headers: about a fifth more than today. */
const MAX_WEIGHT = 165_000;
/** No session, no fresh login, a user who is deleted while an event loads the panel, claims that the server rejects, and too many
 * long polls; long polls that end with their page. */
const expected = [/(401|403|404|422|429) \(/, /ERR_ABORTED/];
const LONG_ADDRESS = `dora@${"a.long.domain.".repeat(8)}example.org`;
const VIEWS = ["Overview", "Users", "Sessions", "Events", "Keys", "Mail", "Health"];

async function check(page, name) {
  assert.deepEqual(await violations(page), [], name);
}

/** What the proxies in `deploy/` forward to the auth server, for the console. */
const FORWARDED = /^\/((auth|admin|pages|client|docs|account)\/|(account|login|favicon\.ico)$)/;

const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

scenario("administrators see everything", expected, async (browser) => {
  const { context } = browser;
  await observeShifts(context);
  const page = await context.newPage();
  const paths = new Set();
  page.on("request", (request) => paths.add(new URL(request.url()).pathname));
  await page.goto(`${authUrl}/admin/#/keys`);
  await page.waitForURL(/\/login\?return_to=/);
  assert.match(decodeURIComponent(page.url()), /return_to=.*\/admin\/#\/keys$/, "the login leads back to the view");

  await page.locator("[name=login]").fill(host.email);
  await page.locator("[name=password]").fill(host.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Keys", level: 1 }).waitFor();
  await openView(page, "#/overview", "Overview");
  for (const name of VIEWS) {
    await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name }).click();
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    await settled(page);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), name, "the focus moves to the heading");
    assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", "without a ring");
    assert.ok((await page.title()).startsWith(name));
    await check(page, name);
  }
  await assertStable(page, "all views", MAX_SHIFT);
  assert.deepEqual([...paths].filter((path) => !FORWARDED.test(path)), [], "paths that no proxy forwards");

  // A server that cannot sign is announced in every view.
  const server = { id: "1", host: "auth-2", version: "0.1.0", started_at: new Date(), seen_at: new Date(), status: "not_ready", settings: {} };
  const parts = { database: { ok: true }, signing_key: { ok: false } };
  await page.route("**/admin/servers", (route) => route.fulfill({ json: { items: [{ ...server, parts }] } }));
  await openView(page, "#/users", "Users");
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await page.reload();
    await page.locator("[data-banner=readiness]", { hasText: "auth-2: signing key" }).waitFor();
    await settled(page);
    await assertStable(page, `a server that is not ready, at ${width}`, MAX_SHIFT);
    await check(page, `a server that is not ready, at ${width}`);
  }

  // Without the role, the page names the account.
  const others = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await callAs(others, "POST", "/auth/register", { email: LONG_ADDRESS, password: ann.password });
  const denied = await others.newPage();
  await openView(denied, "#/users", "No access");
  await denied.getByRole("region", { name: "No access" }).getByText(LONG_ADDRESS).waitFor();
  assert.ok(await fits(denied), "a long address");
  await check(denied, "no access");
});

/** Signs the administrator in, and opens a view. */
async function open(browser, hash, heading) {
  await signInTo(browser.context, host);
  const page = await browser.context.newPage();
  await openView(page, hash, heading);
  return page;
}

scenario("administrators find and change users", expected, async (browser) => {
  // The list loads more by itself, and the search replaces it.
  const page = await open(browser, "#/users", "Users");
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.locator(".page").nth(1).waitFor();
  await page.getByRole("searchbox").fill("user150");
  await page.getByText("1 user", { exact: true }).first().waitFor();
  assert.equal(await page.locator(".row-link").count(), 1);

  // More than five minutes later, a change asks for the password and loses nothing.
  await page.locator(".row-link").click();
  await page.getByRole("heading", { name: "User 150" }).waitFor();
  await settled(page);
  await check(page, "a user");
  await page.getByLabel("Roles").fill("billing");
  await page.keyboard.press("Enter");
  await page.getByLabel("Roles").fill("R".repeat(1000));
  await page.keyboard.press("Enter");
  await page.getByText("is not a role").waitFor();
  const panel = page.locator(".panel-body");
  assert.ok(await panel.evaluate((body) => body.scrollWidth <= body.clientWidth), "a long text in the field of roles");
  await page.getByLabel("Roles").fill("");
  await page.getByLabel("Claims").fill('{"plan": ');
  await page.getByText("This is not JSON").waitFor();
  await page.getByLabel("Claims").fill(JSON.stringify({ text: "x".repeat(1100) }));
  await page.getByText("bytes too long").waitFor();
  await page.getByLabel("Claims").fill('{"text": "12345678901234567890", "id": 9007199254740993}');
  await page.getByText("beyond 9007199254740991").waitFor();
  await page.getByLabel("Claims").fill('{"sub": "x"}');
  await browser.advance(301);
  await page.getByRole("button", { name: "Save changes" }).click();
  await confirmPassword(page, "not the password");
  await page.getByText("This is not your password").waitFor();
  await confirmPassword(page);
  await page.locator(".claims .error", { hasText: "reserved" }).waitFor();
  await page.getByLabel("Claims").fill('{"plan": "team"}');
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("Saved the roles and claims").waitFor();
  const changed = await callAs(browser.context, "GET", `/admin/users/${userId(150)}`);
  assert.deepEqual([changed.roles.sort(), changed.claims, changed.email], [["billing", "editor"], { plan: "team" }, "user150@example.org"]);

  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("is enabled again").waitFor();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByText("A link for a new password is on its way").waitFor();
  await page.getByRole("button", { name: "Delete …" }).click();
  const confirmation = page.getByRole("dialog", { name: "Delete this user?" });
  assert.ok(await confirmation.getByRole("button", { name: "Delete user" }).isDisabled());
  await check(page, "a dialog");
  await confirmation.getByRole("textbox").fill("user150@example.org");
  await confirmation.getByRole("button", { name: "Delete user" }).click();
  await page.getByText("user150@example.org is deleted").waitFor();
  await page.getByText("No user matches").first().waitFor();

  // Another administrator deletes a user who is shown.
  await page.getByRole("searchbox").fill("user149");
  await page.locator(".row-link", { hasText: "user149" }).click();
  await page.getByRole("heading", { name: "User 149" }).waitFor();
  await callAs(browser.context, "DELETE", `/admin/users/${userId(149)}`);
  await page.getByText("This user has been deleted").waitFor();

  // Their own account is deleted on its page.
  await page.getByRole("searchbox").fill(host.email);
  await page.locator(".row-link", { hasText: host.email }).click();
  await page.getByRole("link", { name: "Account page" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Delete …" }).count(), 0);
});

scenario("administrators create users and invite people", expected, async (browser) => {
  const page = await open(browser, "#/users", "Users");
  for (const [choice, button, email] of [["Create now", "Create user", "new@example.org"], ["Invite", "Invite", "eve@example.org"]]) {
    await openView(page, "#/users", "Users");
    await page.getByRole("button", { name: "New user" }).click();
    await page.getByText(choice, { exact: true }).first().click();
    await page.getByRole("dialog").getByLabel("E-mail", { exact: true }).fill(email);
    await check(page, choice);
    await page.getByRole("dialog").getByRole("button", { name: button }).click();
    await page.locator(".toast", { hasText: email }).waitFor();
  }
  await openView(page, "#/invitations", "Invitations");
  await page.getByRole("button", { name: "Withdraw the invitation of eve" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
  await page.getByText("No open invitations").waitFor();
});

scenario("events appear by themselves, and can be paused, filtered and saved", expected, async (browser) => {
  const page = await open(browser, "#/events?type=registered", "Events");
  const others = await browser.newContext();
  const register = (name) => callAs(others, "POST", "/auth/register", { email: `${name}@example.org`, password: ann.password });
  await register("emma");
  const events = page.getByRole("table", { name: "Events" });
  await events.getByText("emma@example.org").first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await register("ella");
  await page.getByText("paused · 1 new").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await events.getByText("ella@example.org").first().waitFor();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  assert.match(await readFile(await (await download).path(), "utf8"), /registered/);

  await openView(page, "#/sessions", "Sessions");
  await page.getByRole("button", { name: "End the session of ella" }).click();
  await page.getByText("The session of ella@example.org has ended").waitFor();

  // An event while the page opens is shown as well, even if the page learns the position of the newest one late.
  await page.route(/admin\/events\?limit=1$/, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await register("enid");
    await route.continue();
  });
  await openView(page, "#/events?type=registered", "Events");
  await page.reload();
  await events.getByText("enid@example.org").first().waitFor();
  await page.unrouteAll();

  // If the server has no room for another long poll, the page asks without one. Each new event loads the filtered list once.
  const problem = JSON.stringify({ code: "too_many_requests", status: 429, title: "Too many requests", retry_after: 60 });
  await page.route(/[?&]wait=/, (route) => route.fulfill({ status: 429, contentType: "application/problem+json", body: problem }));
  await openView(page, "#/events?type=registered", "Events");
  await page.reload();
  await settled(page);
  let loads = 0;
  page.on("request", (request) => (loads += /\/admin\/events\?(?!.*after=)/.test(request.url()) ? 1 : 0));
  for (const name of ["eva", "edda"]) {
    await register(name);
    await events.getByText(`${name}@example.org`).first().waitFor();
  }
  assert.ok(loads <= 2, `${loads} lists were loaded`);
  assert.equal(await page.getByText("cannot be reached").count(), 0);
});

scenario("administrators rotate and retire keys", expected, async (browser) => {
  const page = await open(browser, "#/keys", "Keys");
  await page.getByRole("button", { name: "Rotate now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  await page.getByText("A new key is published").waitFor();
  await page.locator(".stage.next .key-card").waitFor();
  await page.locator(".stage.next").getByRole("button", { name: "Retire" }).click();
  const key = await page.locator(".typed").textContent();
  await page.getByRole("dialog").getByRole("textbox").fill(key);
  await page.getByRole("dialog").getByRole("button", { name: "Retire key" }).click();
  await page.getByText("The key is retired").waitFor();
});

scenario("the console works with the keyboard alone", expected, async (browser) => {
  const page = await open(browser, "#/users", "Users");
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent);
  await page.keyboard.press("/");
  await page.keyboard.type("user00");
  await page.getByText("9 users", { exact: true }).first().waitFor();
  while (!(await focused()).includes("user001@")) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(), /user002@/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "User 2" }).waitFor();
  assert.equal(await focused(), "User", "the panel has the focus");
  await settled(page);
  while ((await page.evaluate(() => document.activeElement.placeholder)) !== "Add a role") await page.keyboard.press("Tab");
  await page.keyboard.type("support");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByText("Saved the roles").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".panel").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), userId(2), "the focus returns to the row");
});

scenario("the console fits a phone", expected, async (browser) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await observeShifts(context);
  await context.addInitScript(() => {
    // The clock of the tests replaces `performance`, but not its observer.
    globalThis.firstPaint = null;
    const seen = (list) => (firstPaint = list.getEntriesByName("first-contentful-paint")[0]?.startTime ?? firstPaint);
    new PerformanceObserver(seen).observe({ type: "paint", buffered: true });
  });
  await signInTo(context, host);
  const page = await context.newPage();
  const sizes = [];
  page.on("requestfinished", (request) => sizes.push(request.sizes()));
  await openView(page, "#/overview", "Overview");
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size.responseBodySize + size.responseHeadersSize, 0);
  assert.ok(bytes < MAX_WEIGHT, `${bytes} bytes`);
  const paint = await page.evaluate(() => firstPaint);
  for (const name of VIEWS) {
    await openView(page, `#/${name.toLowerCase()}`, name);
    assert.ok(await fits(page), `${name} is too wide`);
    await check(page, name);
  }
  const shift = await assertStable(page, "all views", MAX_SHIFT);
  const figures = { page: "console", bytes, shift, firstContentfulPaintMs: Math.round(paint) };
  console.log(`# ${JSON.stringify(figures)}`);
  if (process.env.MEASUREMENTS) await writeFile(process.env.MEASUREMENTS, JSON.stringify([figures], null, 2));
  await openView(page, `#/users/${userId(3)}`, "Users");
  assert.equal((await page.locator(".panel").boundingBox()).width, 390, "the panel is a sheet");
  await page.getByRole("link", { name: "Close the panel" }).click();
  await page.locator(".panel").waitFor({ state: "detached" });
});

scenario("nothing moves on a phone while the console waits for the server, under a long name", expected, async (browser) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await observeShifts(context);
  await signInTo(context, host);
  await context.route("**/admin/", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/(<span dir="auto">)[^<]*/, `$1${"Extraordinary ".repeat(9)}`);
    const { "content-encoding": _, "content-length": __, ...headers } = response.headers();
    await route.fulfill({ response, headers, body });
  });
  await context.route(/\/admin\/[a-z]/, (route) => setTimeout(() => route.continue().catch(() => {}), 1000));
  for (const name of VIEWS) {
    const page = await context.newPage();
    await openView(page, `#/${name.toLowerCase()}`, name);
    await page.getByText("Extraordinary").first().waitFor();
    assert.ok(await fits(page), `${name} is too wide`);
    await assertStable(page, `${name} after a second`, MAX_SHIFT);
    await page.close();
  }
});
