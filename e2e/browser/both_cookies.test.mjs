import assert from "node:assert/strict";
import { apiUrl, authUrl, hold, log, person, refreshPath, refreshes, release, until } from "./control.mjs";
import { scenario } from "./stage.mjs";

/** One host for both servers: `/profile` and the like are the API's, all else is the auth server's. */
const HERE = `${authUrl}/healthz`;
/** The same host by its other name: to a browser, another site. */
const OTHER_SITE = HERE.replace("localhost", "127.0.0.1");
/** Another port of this very host: to a browser, the same site, to which cookies go along. */
const SIBLING = `${apiUrl}/healthz`;
const ALL = ["__Host-access_token", "__Host-csrf_token", "__Host-refresh_token"];

/** What a page's own script does: a plain fetch, and no token in its hands. */
const call = (page, url, init = {}) =>
  page.evaluate(
    async ([url, init]) => {
      const answer = await fetch(url, { credentials: "include", ...init });
      const text = await answer.text();
      return { status: answer.status, text, body: text && JSON.parse(text) };
    },
    [url, init],
  );

const post = (page, path, body) =>
  call(page, path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const register = (page, name) =>
  post(page, "/auth/register", { ...person, email: `${name}@example.org`, token_delivery: "both_cookies" });

const transfer = (page, csrf) => call(page, "/transfer", { method: "POST", headers: csrf && { "X-CSRF-Token": csrf } });

const csrfCookie = (page) => page.evaluate(() => /(?:^|; )__Host-csrf_token=([^;]*)/.exec(document.cookie)?.[1]);

const names = async (stage) =>
  (await stage.person.cookies(authUrl)).map((cookie) => cookie.name).filter((name) => ALL.includes(name)).sort();

async function assertProblem(answer, status, code) {
  const { body } = await answer;
  assert.deepEqual([(await answer).status, body.code], [status, code]);
}

/** What a browser says of refused calls, and of an address that has no icon. */
const refused = [/status of 40[013]/, /CORS policy/, /net::ERR_FAILED/, /net::ERR_ABORTED/, /favicon/];

scenario("a page logs in and calls the API, and no script has a token", refused, async (stage) => {
  const page = await stage.tab(HERE);
  await assertProblem(call(page, "/profile"), 401, "missing_token");
  const registered = await register(page, "alone");
  assert.equal(registered.status, 201, registered.text);
  assert.ok(!/access_token|refresh_token|eyJ/.test(registered.text), "no token in the body");

  const cookies = (await stage.person.cookies(authUrl)).filter((cookie) => ALL.includes(cookie.name));
  assert.deepEqual(await names(stage), ALL);
  for (const { name, domain, path, secure, sameSite, httpOnly } of cookies) {
    assert.deepEqual({ domain, path, secure, sameSite }, { domain: "localhost", path: "/", secure: true, sameSite: "Strict" });
    assert.equal(httpOnly, name !== "__Host-csrf_token", name);
  }
  const csrf = registered.body.csrf_token;
  assert.equal(await page.evaluate(() => document.cookie), `__Host-csrf_token=${csrf}`);

  assert.equal((await call(page, "/profile")).body.name, person.name);
  await assertProblem(transfer(page), 403, "csrf_failed");
  await assertProblem(transfer(page, "guessed"), 403, "csrf_failed");
  assert.equal((await transfer(page, csrf)).status, 200);

  await stage.advance(70);
  await assertProblem(call(page, "/profile"), 401, "token_expired");
  assert.equal((await post(page, refreshPath, {})).status, 200);
  assert.equal((await call(page, "/profile")).status, 200);
  // As when a browser has dropped it at the end of its Max-Age.
  await stage.person.clearCookies({ name: "__Host-access_token" });
  await assertProblem(transfer(page, csrf), 401, "missing_token");
  assert.equal((await post(page, refreshPath, {})).body.csrf_token, csrf);
  assert.equal((await transfer(page, csrf)).status, 200);

  assert.equal((await call(page, "/auth/logout", { method: "POST" })).status, 204);
  assert.deepEqual(await names(stage), []);
  await assertProblem(call(page, "/profile"), 401, "missing_token");
});

scenario("tabs that refresh at once can go on with whatever either was told", refused, async (stage) => {
  const tabs = [await stage.tab(HERE), await stage.tab(HERE)];
  await register(tabs[0], "tabs");
  await stage.advance(70);
  const both = (await refreshes()).length + 2;
  await hold(refreshPath);
  const answers = tabs.map((tab) => post(tab, refreshPath, {}));
  await until("both refreshes are under way", async () => (await refreshes()).length === both);
  await release(refreshPath);
  const told = (await Promise.all(answers)).map((answer) => answer.body.csrf_token);
  for (const csrf of [...told, await csrfCookie(tabs[0])]) {
    for (const tab of tabs) assert.equal((await transfer(tab, csrf)).status, 200, "whichever answer came last");
  }
});

scenario("pages of others get nowhere", refused, async (stage) => {
  const page = await stage.tab(HERE);
  const { body } = await register(page, "ann");
  const before = { profile: (await log("/profile")).length, transfer: (await log("/transfer")).length };
  const profiles = async () => (await log("/profile")).slice(before.profile);
  const transfers = async () => (await log("/transfer")).slice(before.transfer);
  const blindly = { method: "POST", mode: "no-cors" };
  const knowing = { method: "POST", headers: { "X-CSRF-Token": body.csrf_token } };

  const other = await stage.tab(OTHER_SITE);
  await assert.rejects(call(other, `${authUrl}/profile`), /Failed to fetch/, "it may not read");
  await assert.rejects(call(other, `${authUrl}/transfer`, knowing), /Failed to fetch/, "nor send the header");
  await call(other, `${authUrl}/transfer`, blindly);
  await call(other, `${authUrl}/profile`, { mode: "no-cors" });
  assert.deepEqual(await profiles(), ["401 passed", "401 passed"], "no cookie goes along");
  assert.equal((await transfers()).at(-1), "401 passed");

  const sibling = await stage.tab(SIBLING);
  await assert.rejects(call(sibling, `${authUrl}/profile`), /Failed to fetch/, "it may not read");
  await assert.rejects(call(sibling, `${authUrl}/transfer`, knowing), /Failed to fetch/, "nor send the header");
  await call(sibling, `${authUrl}/transfer`, blindly);
  const reached = await transfers();
  assert.equal(reached.at(-1), "403 passed", "the cookies go along, and do not suffice");
  // The other two of each are preflights, which are told that nobody else's page may.
  assert.deepEqual(reached.filter((line) => line.startsWith("200")), [], reached.join());
  assert.equal((await transfer(page, body.csrf_token)).status, 200, "the page itself is not disturbed");
});
