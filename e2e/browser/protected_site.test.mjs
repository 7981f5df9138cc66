import assert from "node:assert/strict";
import { ann, authUrl as site } from "./control.mjs";
import { scenario } from "./scenario.mjs";

const TARGET = `${site}/app/report?a=1&b=%2F`;
/** The same proxy under another name. Browsers treat it as another site. */
const ELSEWHERE = site.replace("localhost", "127.0.0.1");
const CONTENT = "the app's";

/** The errors that Chromium reports for rejected calls and the 204 of `/login/session`. */
const expected = [/status of (40[134]|422|503)/, /\/(login\/session|password\/strength) \(net::ERR_ABORTED\)/];

/** Registers a user by a direct call, then signs in on the page. */
async function signIn(page, email) {
  await submit(page, email);
  await page.getByText(CONTENT).waitFor();
}

async function submit(page, email) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ ...ann, email });
  const response = await fetch(`${site}/auth/register`, { method: "POST", headers, body });
  assert.equal(response.status, 201);
  await page.getByLabel("E-mail or username").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(ann.password);
  await page.locator("button.primary").click();
}

/** Opens `url` in a new tab, directly or from the page `from`, and records the requests. */
async function visit(browser, url, from) {
  const page = await browser.newTab(from ?? "about:blank");
  const requests = [];
  page.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
  if (from) await page.evaluate((url) => location.assign(url), url);
  // The first page may redirect.
  else await page.goto(url, { waitUntil: "commit" });
  return { page, requests };
}

const count = (requests, request) => requests.filter((each) => each === request).length;

scenario("users enter the password once and then reach the site from anywhere", expected, async (browser) => {
  const { page } = await visit(browser, TARGET);
  await signIn(page, "ann@example.org");
  assert.equal(page.url(), TARGET);
  const cookies = await browser.context.cookies(site);
  const httpOnly = cookies.filter((cookie) => cookie.httpOnly).map((cookie) => cookie.name);
  assert.deepEqual(httpOnly.sort(), ["__Host-access_token", "__Host-device", "__Host-refresh_token"]);

  const again = await visit(browser, TARGET);
  await again.page.getByText(CONTENT).waitFor();
  assert.deepEqual(again.requests, ["GET /app/report"], "a valid token needs no redirect");

  await browser.advance(16 * 60);
  const renewed = await visit(browser, TARGET);
  await renewed.page.getByText(CONTENT).waitFor();
  assert.equal(renewed.page.url(), TARGET);
  assert.equal(count(renewed.requests, "POST /auth/refresh"), 1, renewed.requests);

  // The browser omits SameSite=Strict cookies when it follows a link of another site. The login page sends them.
  const linked = await visit(browser, TARGET, `${ELSEWHERE}/pages/pages.css`);
  await linked.page.getByText(CONTENT).waitFor();
  assert.equal(linked.page.url(), TARGET);
  assert.equal(count(linked.requests, "GET /login"), 1, "the browser sent no cookies");
  assert.equal(count(linked.requests, "POST /auth/refresh"), 0, "the token is still valid, so no refresh");

  const forbidden = await browser.newTab("about:blank");
  const response = await forbidden.goto(`${site}/app/admin/`);
  assert.deepEqual([response.status(), forbidden.url()], [403, `${site}/app/admin/`], "a missing role does not lead to the login page");
});

scenario("a rejected token does not cause a redirect loop", expected, async (browser) => {
  const { page } = await visit(browser, TARGET);
  await signIn(page, "bob@example.org");
  await browser.context.clearCookies({ name: "__Host-access_token" });

  // As with a wrong clock: the token is new but rejected.
  const rejection = { status: 401, contentType: "application/problem+json", body: '{"code":"token_expired"}' };
  await browser.context.route("**/login/session", (route) => route.fulfill(rejection));
  await browser.context.route("**/auth/refresh", (route) => route.fulfill({ status: 503, json: { code: "unavailable" } }));
  const rejectedOnce = await visit(browser, TARGET);
  await rejectedOnce.page.getByText("The server is busy").waitFor();
  assert.equal(count(rejectedOnce.requests, "GET /app/report"), 1);
  // Its retry would refresh the session.
  await rejectedOnce.page.close();

  await browser.context.unroute("**/auth/refresh");
  await browser.context.route("**/login/session", (route) => route.fulfill({ status: 204 }));
  const rejectedTwice = await visit(browser, TARGET);
  await rejectedTwice.page.getByText("does not accept your session").waitFor();
  assert.equal(count(rejectedTwice.requests, "GET /app/report"), 2, "one attempt, then no more");

  await rejectedTwice.page.getByRole("link", { name: "Continue" }).click();
  await rejectedTwice.page.getByText(CONTENT).waitFor();
});

scenario("signing in works while storage is full and locks are blocked", expected, async (browser) => {
  await browser.context.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("It is full.", "QuotaExceededError");
    };
    const request = async () => {
      throw new DOMException("The browser blocks it.", "SecurityError");
    };
    // about:blank has no locks.
    if (navigator.locks) Object.assign(Object.getPrototypeOf(navigator.locks), { request });
  });
  const { page } = await visit(browser, TARGET);
  await signIn(page, "cleo@example.org");
  await browser.advance(16 * 60);
  const renewed = await visit(browser, TARGET);
  await renewed.page.getByText(CONTENT).waitFor();
  assert.equal(count(renewed.requests, "POST /auth/refresh"), 1, renewed.requests);
});

scenario("a user whose password an administrator set chooses a new one", expected, async (browser) => {
  const page = await browser.newTab("about:blank");
  // As for such a password. The server accepts the login once it includes a new one.
  await page.route("**/auth/login", (route) => {
    const { new_password, ...body } = route.request().postDataJSON();
    if (new_password === "my own long passphrase") return route.continue({ postData: JSON.stringify(body) });
    const code = new_password ? "invalid_input" : "password_change_required";
    const problem = { contentType: "application/problem+json", body: JSON.stringify({ code }) };
    return route.fulfill({ status: new_password ? 422 : 403, ...problem });
  });
  await page.goto(TARGET, { waitUntil: "commit" });
  const field = page.getByLabel("New password");
  await submit(page, "dora@example.org");
  await page.getByText("set by an administrator").waitFor();
  await page.locator("[name=new_password]:focus").waitFor();
  for (const [text, message] of [["short", "Check the marked fields"], ["my own long passphrase", CONTENT]]) {
    await field.fill(text);
    await page.locator("button.primary").click();
    await page.getByText(message).waitFor();
  }
});
