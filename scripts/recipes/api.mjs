// What the API of every recipe does: the same routes, and the same responses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { generateKeyPair } from "jose";
import { extract } from "./page.mjs";
import { startServer, startStack } from "./stack.mjs";

const HOUR = 3600;
const PAGE = "http://localhost:5173";

/**
 * Tests the API of a page: GET /protected for users, GET /admin for administrators.
 *
 * @param {string[]} command  starts the API in the folder with the files of the page. It listens on `PORT`, and reads
 *   `ISSUER` and `AUDIENCE`; `{port}` in an argument is replaced
 * @param {{ cors?: boolean, prepare?: (folder: string) => Promise<void>, newKey?: boolean }} [options]
 *   `cors`: whether the API allows the page's origin by itself; `prepare`: completes the folder; `newKey`: also tests, in 10
 *   seconds, that the API fetches new keys. scripts/consumers.sh tests that of the files in docs/consumers
 */
export function testApi(page, command, { cors = true, prepare = () => {}, newKey = false } = {}) {
  const start = async (t, issuer) => {
    const env = { ISSUER: issuer, AUDIENCE: "api", PAGE_ORIGIN: PAGE };
    const cwd = await extract(page);
    await prepare(cwd);
    return startServer(t, command, { cwd, env });
  };

  test(`${page}: the API serves users, and rejects requests without a valid token`, async (t) => {
    const stack = await startStack(t);
    const url = await start(t, stack.url);
    const [ann, root] = [await stack.user("Ann"), await stack.user("Root", "admin")];
    // An API that fetches the keys at its start may not have them yet.
    await until(async () => (await get(`${url}/protected`, ann.access_token)).status !== 503);

    const served = await get(`${url}/protected`, ann.access_token);
    assert.equal(served.status, 200);
    assert.deepEqual(served.body, { message: "Hello Ann", user_id: ann.user.id });
    await assertRejected(`${url}/admin`, ann.access_token, 403, "role_required");
    assert.equal((await get(`${url}/admin`, root.access_token)).status, 200);
    assert.equal((await get(`${url}/protected`, await stack.sign())).status, 200, "the key of the tests is accepted");

    for (const path of ["/protected", "/admin"]) {
      await assertRejected(url + path, undefined, 401, "missing_token");
      for (const [what, token, code] of await rejectedTokens(stack)) await assertRejected(url + path, token, 401, code, what);
    }
    if (cors) await assertAllowsThePage(url);

    assert.ok(stack.keySet.fetches <= 2, `unknown keys caused ${stack.keySet.fetches} fetches`);
    stack.stop();
    assert.equal((await get(`${url}/protected`, ann.access_token)).status, 200, "during an outage of the auth server");
  });

  test(`${page}: without keys, the API returns 503`, async (t) => {
    const stack = await startStack(t);
    const gone = "http://127.0.0.1:1";
    const url = await start(t, gone);
    await assertRejected(`${url}/protected`, await stack.sign({ iss: gone }), 503, "unavailable");
  });

  if (!newKey) return;
  test(`${page}: the API fetches new keys`, async (t) => {
    const stack = await startStack(t);
    const url = await start(t, stack.url);
    const statusOf = async (token) => (await get(`${url}/protected`, token)).status;
    assert.equal(await statusOf(await stack.sign()), 200);
    const key = await stack.addKey("new");
    const token = await stack.sign({}, { kid: "new" }, key);
    await until(async () => (await statusOf(token)) === 200, 20_000);
  });
}

/** Waits until a condition is true. */
export async function until(condition, timeout = 10_000) {
  for (const end = Date.now() + timeout; !(await condition()); await sleep(50)) assert.ok(Date.now() < end, `not within ${timeout} ms`);
}

/** [what, token, code] */
export async function rejectedTokens(stack) {
  const { access_token: forMail } = await stack.logIn("ann@example.org", { audience: "mail" });
  const { refresh_token: refresh } = await stack.logIn("ann@example.org");
  const other = await generateKeyPair("ES256");
  const past = Math.floor(Date.now() / 1000) - HOUR;
  const valid = await stack.sign({ roles: ["admin"] });
  return [
    ["expired", await stack.sign({ iat: past, exp: past + 60 }), "token_expired"],
    ["another audience", forMail, "invalid_token"],
    ["another issuer", await stack.sign({ iss: "http://localhost:1" }), "invalid_token"],
    ["a refresh token", refresh, "invalid_token"],
    ["another type", await stack.sign({ type: "refresh" }), "invalid_token"],
    ["another header type", await stack.sign({}, { typ: "JWT" }), "invalid_token"],
    ["without exp", await stack.sign({ exp: undefined }), "invalid_token"],
    ["another key", await stack.sign({}, {}, other.privateKey), "invalid_token"],
    ["an unknown key", await stack.sign({}, { kid: "unknown" }), "invalid_token"],
    ["changed", valid.replace(/\.[^.]*\./, (await stack.sign()).match(/\.[^.]*\./)[0]), "invalid_token"],
    ["no token", "x", "invalid_token"],
  ];
}

async function assertRejected(url, token, status, code, what = code) {
  const response = await get(url, token);
  assert.deepEqual([response.status, response.body?.code], [status, code], `${what}: ${url}`);
  if (status === 401) assert.match(response.headers.get("WWW-Authenticate") ?? "", /^Bearer\b/, what);
}

async function assertAllowsThePage(url) {
  const headers = { Origin: PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" };
  const preflight = await fetch(`${url}/protected`, { method: "OPTIONS", headers });
  assert.ok(preflight.ok, `a preflight returns ${preflight.status}`);
  assert.match(preflight.headers.get("Access-Control-Allow-Headers"), /authorization/i);
  const rejected = await fetch(`${url}/protected`, { headers: { Origin: PAGE } });
  for (const response of [preflight, rejected]) assert.equal(response.headers.get("Access-Control-Allow-Origin"), PAGE);
}

async function get(url, token) {
  const response = await fetch(url, { headers: token && { Authorization: `Bearer ${token}` } });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("Content-Type"));
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined };
}
