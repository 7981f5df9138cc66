import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { browser, clock } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const client = (server) => createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
const bodies = (server, path) => server.to(path).map((request) => JSON.parse(request.body));
const keys = (server) => server.to("/auth/refresh").map((request) => request.headers["idempotency-key"]);

/** A client that is logged in, at a server whose refreshes work unless the script says otherwise. */
async function loggedIn(t, script, options) {
  const place = browser(t, options);
  let rotation = 0;
  const refresh = () => tokens((rotation += 1));
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": refresh, ...script });
  const auth = client(server);
  await auth.login({});
  return { server, auth, ...place };
}

const stays = async (auth) => assert.deepEqual([auth.isLoggedIn(), auth.user()], [true, ANN]);
const isOut = async (auth) => assert.deepEqual([auth.isLoggedIn(), auth.user(), await auth.accessToken()], [false, null, null]);

test("who gives the password once more gets a fresh token", async (t) => {
  const { server, auth } = await loggedIn(t, {
    "POST /auth/reauthenticate": () => tokens(0, { access_token: "fresh" }),
  });
  assert.deepEqual(await auth.reauthenticate("secret"), ANN);
  assert.equal(await auth.accessToken(), "fresh");
  assert.deepEqual(bodies(server, "/auth/reauthenticate"), [{ password: "secret" }]);
  assert.equal(server.to("/auth/refresh").length, 0);
});

test("a fresh token does not cost the key of a refresh whose answer got lost", async (t) => {
  const { server, auth } = await loggedIn(t, {
    "POST /auth/refresh": () => "cut",
    "POST /auth/reauthenticate": () => tokens(1, { access_token: "fresh" }),
  });
  await assert.rejects(auth.refreshAccess(), { code: "unreachable" });
  await auth.reauthenticate("secret");
  server.script["POST /auth/refresh"] = () => tokens(1);
  await auth.refreshAccess();
  assert.equal(new Set(keys(server)).size, 1, "with another one, the spent token would count as stolen");
});

for (const [name, call, path] of [
  ["reauthenticating", (auth) => auth.reauthenticate("guess"), "POST /auth/reauthenticate"],
  ["changing it", (auth) => auth.changePassword("guess", "another"), "POST /auth/password"],
]) {
  test(`a wrong password logs nobody out, when ${name}`, async (t) => {
    const { server, auth } = await loggedIn(t, { [path]: () => problem(401, "invalid_credentials") });
    await assert.rejects(call(auth), { code: "invalid_credentials" });
    server.script[path] = () => problem(429, "too_many_requests", { retry_after: 4 });
    await assert.rejects(call(auth), { code: "too_many_requests", retryAfter: 4 });
    await stays(auth);
    assert.equal(await auth.accessToken(), "access-0");
    assert.equal(server.to("/auth/refresh").length, 0);
  });
}

test("a changed password brings another token, and says what becomes of other sessions", async (t) => {
  const { server, auth } = await loggedIn(t, { "POST /auth/password": () => [204] });
  await auth.changePassword("old", "new");
  assert.equal(await auth.accessToken(), "access-1");
  await auth.changePassword("new", "newer", { endOtherSessions: false });
  assert.deepEqual(bodies(server, "/auth/password"), [
    { current_password: "old", new_password: "new", end_other_sessions: true },
    { current_password: "new", new_password: "newer", end_other_sessions: false },
  ]);
});

test("a password is changed even if no token is to be had after it", async (t) => {
  const { server, auth } = await loggedIn(t, {
    "POST /auth/password": () => [204],
    "POST /auth/refresh": () => problem(503, "unavailable"),
  });
  await auth.changePassword("old", "new");
  await stays(auth);
  server.script["POST /auth/refresh"] = () => tokens(1);
  assert.equal(await auth.accessToken(), "access-1", "the stale one is not kept until it expires");
});

test("a deleted account is logged out, also when the answer came only at the second try", async (t) => {
  for (const first of [() => [204], () => "cut"]) {
    const { server, auth, items } = await loggedIn(t, { "DELETE /auth/me": first });
    await auth.deleteAccount().catch(async (error) => {
      assert.equal(error.code, "unreachable");
      await stays(auth);
      const gone = () => problem(401, "session_ended", { reason: "user_deleted" });
      Object.assign(server.script, { "DELETE /auth/me": gone, "POST /auth/refresh": gone });
      await auth.deleteAccount();
    });
    await isOut(auth);
    assert.equal(items.size, 0);
  }
});

test("an account that may not be deleted stays", async (t) => {
  const { server, auth } = await loggedIn(t, { "DELETE /auth/me": () => problem(403, "fresh_login_required") });
  await assert.rejects(auth.deleteAccount(), { code: "fresh_login_required" });
  server.script["DELETE /auth/me"] = () => problem(409, "last_administrator");
  await assert.rejects(auth.deleteAccount(), { code: "last_administrator" });
  await stays(auth);
});

test("sessions are listed and ended; with the own one, one is logged out", async (t) => {
  const all = [{ id: "here", current: true }, { id: "there", current: false }];
  const { server, auth } = await loggedIn(t, {
    "GET /auth/sessions": () => [200, { sessions: all }],
    "DELETE /auth/sessions/here": () => [204],
    "DELETE /auth/sessions/there": () => [204],
    "DELETE /auth/sessions/..%2Fme": () => problem(404, "not_found"),
  });
  assert.deepEqual(await auth.sessions(), all);
  await auth.endSession("there");
  await stays(auth);
  await assert.rejects(auth.endSession("../me"), { code: "not_found" });
  await auth.endSession("here");
  await isOut(auth);
  assert.equal(server.to("/auth/sessions/here").length, 1);
});

test("all sessions can be ended at once", async (t) => {
  const { server, auth } = await loggedIn(t, { "POST /auth/logout-all": () => problem(503, "unavailable") });
  await assert.rejects(auth.logoutEverywhere(), { code: "unavailable" });
  await stays(auth);
  server.script["POST /auth/logout-all"] = () => [204];
  await auth.logoutEverywhere();
  await isOut(auth);
});

test("events come page by page", async (t) => {
  const { auth } = await loggedIn(t, {
    "GET /auth/events": () => [200, { items: ["newer"], next_cursor: "a+b" }],
    "GET /auth/events?limit=1&cursor=a%2Bb": () => [200, { items: ["older"] }],
  });
  const { items, next_cursor: cursor } = await auth.events();
  assert.deepEqual(items, ["newer"]);
  assert.deepEqual(await auth.events({ limit: 1, cursor }), { items: ["older"] });
});

test("what is not the auth server's answer is none, whatever its status", async (t) => {
  const { auth } = await loggedIn(t, {
    "GET /auth/sessions": () => [200, "<html>Welcome!</html>"],
    "GET /auth/events": () => [204],
    "DELETE /auth/me": () => [200, "<html>Welcome!</html>"],
    "POST /auth/reauthenticate": () => [401, "<html>Proxy authentication</html>"],
  });
  for (const call of [auth.sessions(), auth.events(), auth.deleteAccount(), auth.reauthenticate("secret")]) {
    await assert.rejects(call, { code: "unexpected_answer" });
  }
  await stays(auth);
});

test("where the token in the cookie is spent, a refresh comes first, and then the call again", async (t) => {
  let spent = true;
  const { server, auth } = await loggedIn(t, {
    "GET /auth/sessions": () => (spent ? problem(401, "token_stale") : [200, { sessions: [] }]),
    "POST /auth/refresh": () => {
      spent = false;
      return tokens(1);
    },
  });
  assert.deepEqual(await auth.sessions(), []);
  assert.equal(server.to("/auth/refresh").length, 1);
  spent = true;
  server.script["POST /auth/refresh"] = () => tokens(2);
  await assert.rejects(auth.sessions(), { code: "token_stale" }, "once, not for ever");
  assert.equal(server.to("/auth/sessions").length, 4);
  await stays(auth);
});

for (const code of ["session_ended", "missing_token"]) {
  test(`where a call is told ${code}, the refresh decides, and one is logged out`, async (t) => {
    const over = () => problem(401, code, { reason: "revoked" });
    const { server, auth, items } = await loggedIn(t, { "GET /auth/sessions": over, "POST /auth/refresh": over });
    const other = client(server);
    const heard = [];
    auth.onChange((user) => heard.push(user));
    await assert.rejects(auth.sessions(), { code, reason: "revoked" });
    await isOut(auth);
    await isOut(other);
    assert.deepEqual([heard[0], items.size, server.to("/auth/sessions").length], [null, 0, 1]);
  });
}

test("while nobody can tell whether the session is over, nobody is logged out", async (t) => {
  const { auth } = await loggedIn(t, {
    "GET /auth/sessions": () => problem(401, "session_ended"),
    "POST /auth/refresh": () => problem(503, "unavailable"),
  });
  await assert.rejects(auth.sessions(), { code: "unavailable" });
  await stays(auth);
});

test("a call waits for the refresh of another tab, whose token it would present too late", async (t) => {
  const order = [];
  const { server, auth } = await loggedIn(t, {
    "POST /auth/refresh": async () => {
      await new Promise((soon) => setTimeout(soon, 20));
      order.push("refreshed");
      return tokens(1);
    },
    "GET /auth/sessions": () => (order.push("asked"), [200, { sessions: [] }]),
  });
  await Promise.all([client(server).refreshAccess(), auth.sessions()]);
  assert.deepEqual(order, ["refreshed", "asked"]);
});

test("a call that waits while another tab logs in somebody else is not made in their name", async (t) => {
  const { server, auth } = await loggedIn(t, { "DELETE /auth/me": () => [204] });
  const login = client(server).login({});
  await assert.rejects(Promise.all([auth.deleteAccount(), login]), { code: "session_ended", status: 0 });
  await login;
  assert.equal(server.to("/auth/me").length, 0);
  assert.equal(auth.isLoggedIn(), true, "they are");
});

test("who is not logged in asks the server for nothing", async (t) => {
  browser(t);
  const server = await scriptedServer(t, {});
  const auth = client(server);
  for (const call of [auth.sessions(), auth.events(), auth.deleteAccount(), auth.reauthenticate("secret")]) {
    await assert.rejects(call, { name: "AuthError", code: "session_ended" });
  }
  assert.equal(server.to("/auth/sessions").length, 0);
});

test("a fresh token lives as long as it says", async (t) => {
  const later = clock(t);
  const { auth } = await loggedIn(t, { "POST /auth/reauthenticate": () => tokens(0, { access_token: "fresh" }) });
  later(50_000);
  await auth.reauthenticate("secret");
  later(50_000);
  assert.equal(await auth.accessToken(), "fresh");
  later(5_000);
  assert.equal(await auth.accessToken(), "access-1");
});
