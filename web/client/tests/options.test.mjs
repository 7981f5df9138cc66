// The options of a client: token delivery, audience, storage, fetch, onFreshLogin.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { browser, memory, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const bodies = (server, path) => server.to(path).map(({ body }) => (body ? JSON.parse(body) : null));
const bearers = (server, path) => server.to(path).map(({ headers }) => headers.authorization);

// body: without pages, cookies and tabs.

function openBodyServer(t, script) {
  let rotation = 0;
  const next = (user) => tokens((rotation += 1), { refresh_token: `refresh-${rotation}`, user });
  return scriptedServer(t, {
    "POST /auth/login": ({ body }) => next({ ...ANN, name: JSON.parse(body).password }),
    "POST /auth/refresh": () => next(ANN),
    "POST /auth/reauthenticate": () => next(ANN),
    "POST /auth/logout": () => [204],
    "GET /auth/sessions": () => [200, { sessions: [] }],
    "GET /api": ({ headers }) => [200, { token: headers.authorization }],
    ...script,
  });
}

const bodyClient = (server, options) =>
  createAuthClient({ authUrl: server.url, apiOrigins: [server.url], tokenDelivery: "body", ...options });

test("with body, a program without a page signs in, calls APIs, rotates and signs out", async (t) => {
  assert.equal(typeof location, "undefined");
  const server = await openBodyServer(t);
  const sent = t.mock.method(globalThis, "fetch");
  const auth = bodyClient(server);
  assert.deepEqual([auth.state, await auth.ready], [{ status: "signed-out", user: null }, auth.state]);
  await auth.login({ email: "ann@example.org", password: "Ann" });
  assert.equal(bodies(server, "/auth/login")[0].token_delivery, "body");
  assert.deepEqual(await (await auth.authFetch(`${server.url}/api`)).json(), { token: "Bearer access-1" });
  await auth.refreshAccess();
  await auth.reauthenticate("secret");
  await auth.sessions();
  await auth.logout();
  assert.deepEqual(bearers(server, "/auth/refresh"), ["Bearer refresh-1"]);
  assert.deepEqual(bearers(server, "/auth/reauthenticate"), ["Bearer refresh-2"]);
  assert.deepEqual(bearers(server, "/auth/sessions"), ["Bearer refresh-3"]);
  assert.deepEqual(bearers(server, "/auth/logout"), ["Bearer refresh-3"]);
  assert.equal(auth.state.status, "signed-out");
  const toServer = sent.mock.calls.filter(({ arguments: [input] }) => typeof input === "string");
  assert.deepEqual(new Set(toServer.map(({ arguments: [, init] }) => init.credentials)), new Set(["omit"]));
});

test("with body, a lost response is retried with the same token and key", async (t) => {
  const server = await openBodyServer(t);
  const auth = bodyClient(server);
  await auth.login({ password: "Ann" });
  const { "POST /auth/refresh": refresh } = server.script;
  server.script["POST /auth/refresh"] = () => "cut";
  await assert.rejects(auth.refreshAccess(), { code: "unreachable" });
  server.script["POST /auth/refresh"] = refresh;
  await auth.refreshAccess();
  assert.deepEqual(bearers(server, "/auth/refresh"), ["Bearer refresh-1", "Bearer refresh-1"]);
  assert.equal(new Set(server.to("/auth/refresh").map(({ headers }) => headers["idempotency-key"])).size, 1);
});

test("clients of one process have separate sessions: there is no global state", async (t) => {
  const server = await openBodyServer(t);
  const [ann, bob] = [bodyClient(server), bodyClient(server)];
  await ann.login({ password: "Ann" });
  assert.equal(bob.state.status, "signed-out");
  await bob.login({ password: "Bob" });
  assert.deepEqual([ann.state.user.name, bob.state.user.name], ["Ann", "Bob"]);
  await ann.logout();
  assert.deepEqual([ann.state.status, bob.state.status], ["signed-out", "signed-in"]);
});

test("a storage keeps a body session across restarts", async (t) => {
  const server = await openBodyServer(t);
  const storage = memory();
  await bodyClient(server, { storage }).login({ password: "Ann" });
  const restarted = bodyClient(server, { storage });
  assert.equal(restarted.state.status, "loading");
  assert.deepEqual(await restarted.ready, { status: "signed-in", user: ANN });
  assert.deepEqual(bearers(server, "/auth/refresh"), ["Bearer refresh-1"]);
  await restarted.logout();
  assert.equal(storage.items.size, 0);
  assert.equal(bodyClient(server, { storage }).state.status, "signed-out");
});

test("in a page, the refresh token of a body session is stored and sent to other tabs only if a storage is given", async (t) => {
  const { items } = browser(t);
  const server = await openBodyServer(t);
  const messages = [];
  t.mock.method(BroadcastChannel.prototype, "postMessage", (message) => messages.push(message));
  await bodyClient(server).login({ password: "Ann" });
  assert.deepEqual([items.size, messages], [0, []]);
  await bodyClient(server, { storage: localStorage }).login({ password: "Ann" });
  assert.match([...items.values()][0], /"token":"refresh-2"/);
  assert.deepEqual(messages, []);
});

// both_cookies: the page never touches a token.

async function openCookiePage(t, script) {
  browser(t);
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0, { access_token: undefined, csrf_token: "csrf-1" }),
    "POST /auth/refresh": () => tokens(1, { access_token: undefined, csrf_token: "csrf-1" }),
    "GET /api": () => [200, {}],
    "POST /api": () => [200, {}],
    ...script,
  });
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url], tokenDelivery: "both_cookies" });
  await auth.login({});
  return { server, auth, url: `${server.url}/api` };
}

test("with both_cookies, calls have cookies and, unless they are safe, the CSRF token", async (t) => {
  const { server, auth, url } = await openCookiePage(t);
  assert.equal(bodies(server, "/auth/login")[0].token_delivery, "both_cookies");
  const sent = t.mock.method(globalThis, "fetch");
  const init = { method: "POST", body: "the body", referrerPolicy: "no-referrer" };
  await auth.authFetch(url);
  await auth.authFetch(url, init);
  await auth.authFetch(new Request(url, init));
  for (const { arguments: [request] } of sent.mock.calls) assert.equal(request.credentials, "include");
  assert.equal(sent.mock.calls[2].arguments[0].referrerPolicy, "no-referrer");
  const seen = server.to("/api").map(({ headers, body }) => [headers.authorization, headers["x-csrf-token"], body]);
  assert.deepEqual(seen, [[undefined, undefined, ""], [undefined, "csrf-1", "the body"], [undefined, "csrf-1", "the body"]]);
  assert.deepEqual([await auth.accessToken(), await auth.refreshAccess(), auth.claims()], [null, null, null]);
});

test("with both_cookies, an expired cookie is renewed and the call repeated", async (t) => {
  const responses = [problem(401, "token_expired"), [200, {}]];
  const { server, auth, url } = await openCookiePage(t, { "POST /api": () => responses.shift() });
  assert.equal((await auth.authFetch(url, { method: "POST", body: "x" })).status, 200);
  assert.deepEqual(server.to("/api").map(({ body }) => body), ["x", "x"]);
  assert.equal(server.to("/auth/refresh").length, 1);
});

test("a session keeps its delivery if the option has changed", async (t) => {
  const { server } = await openCookiePage(t);
  const auth = await openTab(server);
  await auth.authFetch(`${server.url}/api`, { method: "POST" });
  assert.equal(server.to("/api")[0].headers["x-csrf-token"], "csrf-1");
});

// audience, fetch, storage

test("the audience is sent with each login and refresh; clients with others have tokens of their own", async (t) => {
  browser(t);
  const respond = ({ body }) => tokens(0, { access_token: `for-${JSON.parse(body || "{}").audience}` });
  const server = await scriptedServer(t, { "POST /auth/login": respond, "POST /auth/refresh": respond });
  const [orders, reports] = ["orders", "reports"].map((audience) => createAuthClient({ authUrl: server.url, audience }));
  await orders.login({});
  assert.equal(await orders.accessToken(), "for-orders");
  assert.equal(await reports.accessToken(), "for-reports");
  assert.deepEqual(reports.state, orders.state);
  await Promise.all([orders.refreshAccess(), reports.refreshAccess()]);
  assert.deepEqual([await orders.accessToken(), await reports.accessToken()], ["for-orders", "for-reports"]);
});

test("a fetch of one's own makes all requests", async (t) => {
  browser(t);
  const server = await openBodyServer(t);
  const { fetch: globalFetch } = globalThis;
  t.mock.method(globalThis, "fetch", () => assert.fail("not the global fetch"));
  const calls = [];
  const fetch = (input, init) => (calls.push(input.url ?? input), globalFetch(input, init));
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url], fetch });
  await auth.login({ password: "Ann" });
  await auth.authFetch(`${server.url}/api`);
  assert.deepEqual(calls, [`${server.url}/auth/login`, `${server.url}/api`]);
});

test("a storage of one's own replaces localStorage", async (t) => {
  const { items } = browser(t);
  const server = await openBodyServer(t);
  const storage = memory();
  await createAuthClient({ authUrl: server.url, storage }).login({ password: "Ann" });
  assert.deepEqual([items.size, storage.items.size], [0, 1]);
  assert.equal(createAuthClient({ authUrl: server.url, storage }).state.status, "signed-in");
});

test("if the server may have rejected the page's origin, the error says so", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => "cut" });
  const message = "The auth server cannot be reached, or rejects the origin http://localhost:3000.";
  await assert.rejects(createAuthClient({ authUrl: server.url }).login({}), { code: "unreachable", message });
  globalThis.location = { origin: server.url };
  await assert.rejects(createAuthClient().login({}), { message: "The auth server cannot be reached." });
});

// onFreshLogin

/** A signed-in client. Guarded calls succeed once `POST /auth/reauthenticate` has accepted "secret". */
async function openGuarded(t, onFreshLogin, script) {
  browser(t);
  let isFresh = false;
  const guarded = (success) => () => (isFresh ? success : problem(403, "fresh_login_required"));
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0),
    "POST /auth/reauthenticate": ({ body }) => {
      isFresh = JSON.parse(body).password === "secret";
      return isFresh ? tokens(1) : problem(401, "invalid_credentials");
    },
    "POST /api": guarded([200, { done: true }]),
    "DELETE /auth/me": guarded([204]),
    "POST /auth/logout-all": guarded([204]),
    "DELETE /auth/sessions/there": guarded([204]),
    "PATCH /auth/me": guarded([200, ANN]),
    ...script,
  });
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url], onFreshLogin });
  await auth.login({});
  return { server, auth, url: `${server.url}/api`, passwords: () => bodies(server, "/auth/reauthenticate").map((b) => b.password) };
}

test("a call that requires a fresh login asks for the password and is repeated by itself", async (t) => {
  const asked = [];
  const { server, auth, url } = await openGuarded(t, (request) => (asked.push(request), "secret"));
  const response = await auth.authFetch(url, { method: "POST", body: "the body" });
  assert.deepEqual(await response.json(), { done: true });
  assert.deepEqual(asked, [{ user: ANN, error: undefined }]);
  const sent = server.to("/api").map(({ headers, body }) => [headers.authorization, body]);
  assert.deepEqual(sent, [["Bearer access-0", "the body"], ["Bearer access-1", "the body"]]);
});

for (const [name, call] of Object.entries({
  deleteAccount: (auth) => auth.deleteAccount(),
  logoutEverywhere: (auth) => auth.logoutEverywhere(),
  endSession: (auth) => auth.endSession("there"),
  updateProfile: (auth) => auth.updateProfile({ username: "ann" }),
})) {
  test(`${name} asks for the password and is repeated`, async (t) => {
    const { auth, passwords } = await openGuarded(t, async () => "secret");
    await call(auth);
    assert.deepEqual(passwords(), ["secret"]);
  });
}

test("a wrong password is asked for again, with the error", async (t) => {
  const errors = [];
  const answers = ["guess", "another guess", "secret"];
  const { auth, url, passwords } = await openGuarded(t, ({ error }) => (errors.push(error?.code), answers.shift()));
  assert.equal((await auth.authFetch(url, { method: "POST" })).status, 200);
  assert.deepEqual(errors, [undefined, "invalid_credentials", "invalid_credentials"]);
  assert.deepEqual(passwords(), ["guess", "another guess", "secret"]);
});

test("if the user cancels, the caller gets what the server returned", async (t) => {
  const { auth, url, passwords } = await openGuarded(t, () => null);
  const response = await auth.authFetch(url, { method: "POST" });
  assert.deepEqual([response.status, (await response.json()).code], [403, "fresh_login_required"]);
  await assert.rejects(auth.deleteAccount(), { code: "fresh_login_required" });
  assert.deepEqual([passwords(), auth.state.status], [[], "signed-in"]);
});

test("concurrent calls ask once", async (t) => {
  let asked = 0;
  const { auth, url } = await openGuarded(t, async () => ((asked += 1), "secret"));
  const responses = await Promise.all(Array.from({ length: 3 }, () => auth.authFetch(url, { method: "POST" })));
  assert.deepEqual([responses.map(({ status }) => status), asked], [[200, 200, 200], 1]);
});

test("too many wrong passwords end the call with the server's error", async (t) => {
  const { auth } = await openGuarded(t, () => "guess", {
    "POST /auth/reauthenticate": () => problem(429, "too_many_requests", { retry_after: 9 }),
  });
  await assert.rejects(auth.deleteAccount(), { code: "too_many_requests", retryAfter: 9 });
});

test("a call that is aborted while the user is asked ends at once", async (t) => {
  const stop = new AbortController();
  const { auth, url } = await openGuarded(t, () => (stop.abort(), new Promise(() => {})));
  await assert.rejects(auth.authFetch(url, { method: "POST", signal: stop.signal }), { name: "AbortError" });
});

test("another 403 asks for nothing, and its body can be read", async (t) => {
  const { auth, url } = await openGuarded(t, () => assert.fail("not asked"), {
    "POST /api": () => problem(403, "role_required"),
  });
  assert.equal((await (await auth.authFetch(url, { method: "POST" })).json()).code, "role_required");
});
