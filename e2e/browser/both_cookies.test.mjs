import assert from "node:assert/strict";
import { ann, apiUrl, authUrl, hold, log, refreshes, refreshPath, release, waitFor } from "./control.mjs";
import { scenario } from "./scenario.mjs";

/** Both servers are behind one host, which sends `/profile` and similar paths to the API. */
const HERE = `${authUrl}/healthz`;
/** The same host under another name. Browsers treat it as another site. */
const OTHER_SITE = HERE.replace("localhost", "127.0.0.1");
/** Another port of the same host. Browsers treat it as the same site and send cookies. */
const SIBLING = `${apiUrl}/healthz`;
const ALL = ["__Host-access_token", "__Host-csrf_token", "__Host-refresh_token"];

/** A plain fetch by the page's script, which holds no token. */
const call = (page, url, init = {}) =>
  page.evaluate(
    async ([url, init]) => {
      const response = await fetch(url, { credentials: "include", ...init });
      const text = await response.text();
      return { status: response.status, text, body: text && JSON.parse(text) };
    },
    [url, init],
  );

const post = (page, path, body) =>
  call(page, path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const register = (page, name) =>
  post(page, "/auth/register", { ...ann, email: `${name}@example.org`, token_delivery: "both_cookies" });

const transfer = (page, csrf) => call(page, "/transfer", { method: "POST", headers: csrf && { "X-CSRF-Token": csrf } });

const csrfCookie = (page) => page.evaluate(() => /(?:^|; )__Host-csrf_token=([^;]*)/.exec(document.cookie)?.[1]);

const names = async (browser) =>
  (await browser.context.cookies(authUrl)).map((cookie) => cookie.name).filter((name) => ALL.includes(name)).sort();

async function assertProblem(response, status, code) {
  const { status: actual, body } = await response;
  assert.deepEqual([actual, body.code], [status, code]);
}

/** The errors that Chromium reports for rejected calls and for the missing favicon. */
const expected = [/status of 40[013]/, /CORS policy/, /net::ERR_FAILED/, /net::ERR_ABORTED/, /favicon/];

scenario("a page signs in and calls the API without access to the tokens", expected, async (browser) => {
  const page = await browser.newTab(HERE);
  await assertProblem(call(page, "/profile"), 401, "missing_token");
  const registered = await register(page, "alone");
  assert.equal(registered.status, 201, registered.text);
  assert.ok(!/access_token|refresh_token|eyJ/.test(registered.text), "the body contains no token");

  const cookies = (await browser.context.cookies(authUrl)).filter((cookie) => ALL.includes(cookie.name));
  assert.deepEqual(await names(browser), ALL);
  for (const { name, domain, path, secure, sameSite, httpOnly } of cookies) {
    assert.deepEqual({ domain, path, secure, sameSite }, { domain: "localhost", path: "/", secure: true, sameSite: "Strict" });
    assert.equal(httpOnly, name !== "__Host-csrf_token", name);
  }
  const csrf = registered.body.csrf_token;
  assert.equal(await page.evaluate(() => document.cookie), `__Host-csrf_token=${csrf}`);

  assert.equal((await call(page, "/profile")).body.name, ann.name);
  await assertProblem(transfer(page), 403, "csrf_failed");
  await assertProblem(transfer(page, "guessed"), 403, "csrf_failed");
  assert.equal((await transfer(page, csrf)).status, 200);

  await browser.advance(70);
  await assertProblem(call(page, "/profile"), 401, "token_expired");
  assert.equal((await post(page, refreshPath, {})).status, 200);
  assert.equal((await call(page, "/profile")).status, 200);
  // A browser deletes the cookie when its Max-Age ends.
  await browser.context.clearCookies({ name: "__Host-access_token" });
  await assertProblem(transfer(page, csrf), 401, "missing_token");
  assert.equal((await post(page, refreshPath, {})).body.csrf_token, csrf);
  assert.equal((await transfer(page, csrf)).status, 200);

  assert.equal((await call(page, "/auth/logout", { method: "POST" })).status, 204);
  assert.deepEqual(await names(browser), []);
  await assertProblem(call(page, "/profile"), 401, "missing_token");
});

scenario("after concurrent refreshes both tabs can use either CSRF token", expected, async (browser) => {
  const tabs = [await browser.newTab(HERE), await browser.newTab(HERE)];
  await register(tabs[0], "tabs");
  await browser.advance(70);
  const both = (await refreshes()).length + 2;
  await hold(refreshPath);
  const pending = tabs.map((tab) => post(tab, refreshPath, {}));
  await waitFor("both refreshes have reached the server", async () => (await refreshes()).length === both);
  await release(refreshPath);
  const received = (await Promise.all(pending)).map((response) => response.body.csrf_token);
  for (const csrf of [...received, await csrfCookie(tabs[0])]) {
    for (const tab of tabs) assert.equal((await transfer(tab, csrf)).status, 200, "valid, whichever response arrived last");
  }
});

scenario("pages of other origins cannot call the API", expected, async (browser) => {
  const page = await browser.newTab(HERE);
  const { body } = await register(page, "ann");
  const before = { profile: (await log("/profile")).length, transfer: (await log("/transfer")).length };
  const profiles = async () => (await log("/profile")).slice(before.profile);
  const transfers = async () => (await log("/transfer")).slice(before.transfer);
  const withoutCors = { method: "POST", mode: "no-cors" };
  const withCsrfToken = { method: "POST", headers: { "X-CSRF-Token": body.csrf_token } };

  const other = await browser.newTab(OTHER_SITE);
  await assert.rejects(call(other, `${authUrl}/profile`), /Failed to fetch/, "cannot read the response");
  await assert.rejects(call(other, `${authUrl}/transfer`, withCsrfToken), /Failed to fetch/, "cannot send the header");
  await call(other, `${authUrl}/transfer`, withoutCors);
  await call(other, `${authUrl}/profile`, { mode: "no-cors" });
  assert.deepEqual(await profiles(), ["401 passed", "401 passed"], "the browser sends no cookies");
  assert.equal((await transfers()).at(-1), "401 passed");

  const sibling = await browser.newTab(SIBLING);
  await assert.rejects(call(sibling, `${authUrl}/profile`), /Failed to fetch/, "cannot read the response");
  await assert.rejects(call(sibling, `${authUrl}/transfer`, withCsrfToken), /Failed to fetch/, "cannot send the header");
  await call(sibling, `${authUrl}/transfer`, withoutCors);
  const reached = await transfers();
  assert.equal(reached.at(-1), "403 passed", "the browser sends the cookies, but they are not sufficient");
  // The other requests are preflights, whose responses allow no other origin.
  assert.deepEqual(reached.filter((line) => line.startsWith("200")), [], reached.join());
  assert.equal((await transfer(page, body.csrf_token)).status, 200, "the page itself can still call the API");
});
