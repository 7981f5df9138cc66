import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthError, createAuthClient } from "../auth.js";
import { browser, clock, isSignedIn, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";


test("a login returns the user and obtains a token", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0) });
  const auth = await openTab(server);
  const notified = [];
  auth.subscribe(({ user }) => notified.push(user));

  assert.deepEqual(await auth.login({ email: "ann@example.org", password: "secret" }), ANN);
  assert.equal(await auth.accessToken(), "access-0");
  assert.deepEqual([isSignedIn(auth), auth.state.user, notified], [true, ANN, [ANN]]);
  const [request] = server.to("/auth/login");
  assert.deepEqual(JSON.parse(request.body), {
    email: "ann@example.org",
    password: "secret",
    token_delivery: "refresh_cookie",
  });
  assert.equal(request.headers["content-type"], "application/json");
});

test("a registration returns the user and starts a session", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/register": () => [201, tokens(0)[1]] });
  const auth = await openTab(server);
  assert.deepEqual(await auth.register({ email: "ann@example.org", password: "secret" }), ANN);
  assert.equal(isSignedIn(auth), true);
});

test("a rejected login reports the reason and changes nothing", async (t) => {
  browser(t);
  const rejection = problem(422, "invalid_input", { fields: { password: "is too short" } });
  const server = await scriptedServer(t, { "POST /auth/login": () => rejection });
  const auth = createAuthClient({ authUrl: server.url });
  await assert.rejects(auth.login({ email: "ann@example.org", password: "x" }), (error) => {
    assert.ok(error instanceof AuthError);
    assert.deepEqual([error.status, error.code, error.fields], [422, "invalid_input", { password: "is too short" }]);
    return true;
  });
  assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [false, null, null]);
});

test("a login with a password that an administrator set also sends the user's own", async (t) => {
  browser(t);
  const server = await scriptedServer(t, {
    "POST /auth/login": ({ body }) =>
      JSON.parse(body).new_password ? tokens(0) : problem(403, "password_change_required"),
  });
  const auth = await openTab(server);
  const credentials = { email: "ann@example.org", password: "set by an administrator" };
  await assert.rejects(auth.login(credentials), { status: 403, code: "password_change_required" });
  assert.equal(isSignedIn(auth), false);
  assert.deepEqual(await auth.login({ ...credentials, newPassword: "my own" }), ANN);
  const bodies = server.to("/auth/login").map(({ body }) => JSON.parse(body));
  const token_delivery = "refresh_cookie";
  assert.deepEqual(bodies, [
    { ...credentials, token_delivery },
    { ...credentials, new_password: "my own", token_delivery },
  ]);
});

test("localStorage never contains tokens or user data", async (t) => {
  const { items } = browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": () => tokens(1) });
  const auth = await openTab(server);
  await auth.login({});
  await auth.refreshAccess();
  const all = JSON.stringify([...items]);
  for (const secret of ["access-", "Ann", "ann@"]) assert.ok(!all.includes(secret), all);
});

test("after a reload the user is signed in, and the first call obtains a token", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": () => tokens(1) });
  await (await openTab(server)).login({});

  const reloaded = await openTab(server);
  assert.deepEqual([isSignedIn(reloaded), reloaded.state.user], [true, null]);
  assert.equal(await reloaded.accessToken(), "access-1");
  assert.deepEqual(reloaded.state.user, ANN);
});

test("without a stored session, the client makes no request", async (t) => {
  browser(t);
  const server = await scriptedServer(t, {});
  const auth = await openTab(server);
  assert.deepEqual([isSignedIn(auth), await auth.accessToken()], [false, null]);
  assert.equal(server.to("/auth/refresh").length, 0);
});

test("an explicit refresh uses a cookie even if localStorage is empty", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => tokens(7) });
  const auth = await openTab(server);
  assert.equal(await auth.refreshAccess(), "access-7");
  assert.equal(isSignedIn(auth), true);
});

test("the user counts as signed in only after the server confirmed the session", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => problem(503, "unavailable") });
  const auth = await openTab(server);
  await assert.rejects(auth.refreshAccess(), { code: "unavailable" });
  assert.equal(isSignedIn(auth), false);
});

test("calls to the auth server include cookies", async (t) => {
  browser(t);
  const sent = t.mock.method(globalThis, "fetch", async () => Response.json(tokens(1)[1]));
  await createAuthClient({ authUrl: "https://auth.example.org/", apiOrigins: [] }).refreshAccess();
  const [url, { method, credentials }] = sent.mock.calls[0].arguments;
  assert.deepEqual([url, method, credentials], ["https://auth.example.org/auth/refresh", "POST", "include"]);
});

test("malformed localStorage items are ignored", async (t) => {
  const { items } = browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => tokens(7) });
  for (const malformed of ["", "null", "{", '{"session":"s","rotation":1,"key":"short"}', '{"rotation":"1"}']) {
    items.set(`latchkey:${server.url}`, malformed);
    assert.equal(isSignedIn(await openTab(server)), false, malformed);
  }
  assert.equal(await (await openTab(server)).refreshAccess(), "access-7");
});

test("a logout takes effect once the server confirms it", async (t) => {
  const { items } = browser(t);
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0),
    "POST /auth/logout": () => problem(503, "unavailable", { retry_after: 1 }),
  });
  const auth = await openTab(server);
  await auth.login({});
  await assert.rejects(auth.logout(), { code: "unavailable", retryAfter: 1 });
  assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [true, ANN, "access-0"]);

  server.script["POST /auth/logout"] = () => [204];
  await auth.logout();
  assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [false, null, null]);
  assert.deepEqual([...items], []);
});

test("if localStorage is blocked, the session lasts as long as the page", async (t) => {
  browser(t);
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get: () => {
      throw new Error("SecurityError");
    },
  });
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0) });
  const auth = await openTab(server);
  await auth.login({});
  assert.deepEqual([isSignedIn(auth), await auth.accessToken()], [true, "access-0"]);
});

test("a token is renewed shortly before it expires, not earlier", async (t) => {
  browser(t);
  const advance = clock(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": () => tokens(1) });
  const auth = await openTab(server);
  await auth.login({});
  advance(53_000);
  assert.equal(await auth.accessToken(), "access-0");
  advance(2_000);
  assert.equal(await auth.accessToken(), "access-1");
});

test("a valid token is used while renewals fail", async (t) => {
  browser(t);
  const advance = clock(t);
  const down = () => problem(503, "unavailable");
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": down });
  const auth = await openTab(server);
  await auth.login({});
  advance(54_000);
  for (let call = 0; call < 3; call += 1) assert.equal(await auth.accessToken(), "access-0");
  assert.equal(server.to("/auth/refresh").length, 1, "not retried at every call");
  advance(5_000);
  assert.equal(await auth.accessToken(), "access-0");
  assert.equal(server.to("/auth/refresh").length, 2);
  advance(1_000);
  await assert.rejects(auth.accessToken(), { code: "unavailable" });
  assert.equal(isSignedIn(auth), true);
});

test("a removed listener is not called", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0) });
  const auth = await openTab(server);
  const notified = [];
  const stop = auth.subscribe(({ user }) => notified.push(user));
  stop();
  await auth.login({});
  assert.deepEqual(notified, []);
});
