import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, clock, isSignedIn, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const bodies = (server, path) => server.to(path).map((request) => JSON.parse(request.body));
const keys = (server, path = "/auth/refresh") => server.to(path).map((request) => request.headers["idempotency-key"]);

/** A signed-in client and its server. Refreshes succeed unless `script` overrides them. */
async function signedIn(t, script, options) {
  const simulated = browser(t, options);
  let rotation = 0;
  const refresh = () => tokens((rotation += 1));
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": refresh, ...script });
  const auth = await openTab(server);
  await auth.login({});
  return { server, auth, ...simulated };
}

const assertSignedIn = async (auth) => assert.deepEqual([isSignedIn(auth), auth.state.user], [true, ANN]);
const assertSignedOut = async (auth) =>
  assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [false, null, null]);

test("reauthentication returns a fresh token", async (t) => {
  const { server, auth } = await signedIn(t, {
    "POST /auth/reauthenticate": () => tokens(1, { access_token: "fresh" }),
  });
  await auth.reauthenticate("secret");
  assert.equal(await auth.accessToken(), "fresh");
  assert.deepEqual(bodies(server, "/auth/reauthenticate"), [{ password: "secret" }]);
  assert.equal(server.to("/auth/refresh").length, 0);
});

const ROTATIONS = {
  "POST /auth/reauthenticate": (auth) => auth.reauthenticate("secret"),
  "POST /auth/password": (auth) => auth.changePassword("secret", "another"),
};
for (const [endpoint, call] of Object.entries(ROTATIONS)) {
  const path = endpoint.replace("POST ", "");

  test(`${endpoint} rotates the session: the next refresh of any tab has another key`, async (t) => {
    const { server, auth } = await signedIn(t, {
      [endpoint]: () => tokens(1, { access_token: "newest" }),
      "POST /auth/refresh": () => tokens(2),
    });
    const other = await openTab(server);
    await call(auth);
    assert.equal(await auth.accessToken(), "newest");
    await other.refreshAccess();
    const all = [...keys(server, path), ...keys(server)];
    for (const key of all) assert.match(key, /^[A-Za-z0-9_-]{22,64}$/);
    assert.equal(new Set(all).size, 2);
  });

  test(`after a lost response of ${endpoint}, a retry has the same key, in any tab`, async (t) => {
    const { server, auth } = await signedIn(t, { [endpoint]: () => "cut", "POST /auth/refresh": () => "cut" });
    await assert.rejects(call(auth), { code: "unreachable" });
    await assertSignedIn(auth);
    const other = await openTab(server);
    for (const retry of [() => call(auth), () => call(other), () => other.refreshAccess()]) {
      await assert.rejects(retry, { code: "unreachable" });
    }
    assert.equal(new Set([...keys(server, path), ...keys(server)]).size, 1);
    server.script[endpoint] = () => tokens(1, { access_token: "newest" });
    await call(auth);
    assert.equal(await auth.accessToken(), "newest");
  });

  test(`${endpoint} and a refresh of another tab take turns`, async (t) => {
    const order = [];
    const slow = (name, rotation) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} ends`);
      return tokens(rotation);
    };
    const { server, auth } = await signedIn(t, { [endpoint]: slow("call", 1), "POST /auth/refresh": slow("refresh", 2) });
    const called = call(auth);
    await Promise.all([called, (await openTab(server)).ready]);
    assert.deepEqual(order, ["call begins", "call ends", "refresh begins", "refresh ends"]);
    assert.notEqual(keys(server, path)[0], keys(server)[0]);
  });
}

test("reauthentication uses the key of a refresh whose response was lost", async (t) => {
  const { server, auth } = await signedIn(t, {
    "POST /auth/refresh": () => "cut",
    "POST /auth/reauthenticate": () => tokens(1, { access_token: "fresh" }),
  });
  await assert.rejects(auth.refreshAccess(), { code: "unreachable" });
  await auth.reauthenticate("secret");
  const [key] = keys(server, "/auth/reauthenticate");
  assert.equal(key, keys(server)[0], "with a new key, the superseded token would count as reuse");
  server.script["POST /auth/refresh"] = () => tokens(2);
  await auth.refreshAccess();
  assert.equal(new Set(keys(server)).size, 2);
});

for (const [name, call, path] of [
  ["reauthenticating", (auth) => auth.reauthenticate("guess"), "POST /auth/reauthenticate"],
  ["changing the password", (auth) => auth.changePassword("guess", "another"), "POST /auth/password"],
]) {
  test(`a wrong password does not sign the user out when ${name}`, async (t) => {
    const { server, auth } = await signedIn(t, { [path]: () => problem(401, "invalid_credentials") });
    await assert.rejects(call(auth), { code: "invalid_credentials" });
    server.script[path] = () => problem(429, "too_many_requests", { retry_after: 4 });
    await assert.rejects(call(auth), { code: "too_many_requests", retryAfter: 4 });
    await assertSignedIn(auth);
    assert.equal(await auth.accessToken(), "access-0");
    assert.equal(server.to("/auth/refresh").length, 0);
  });
}

test("a password change obtains a new token and reports what happens to other sessions", async (t) => {
  let rotation = 0;
  const { server, auth } = await signedIn(t, { "POST /auth/password": () => tokens((rotation += 1)) });
  assert.equal(await auth.changePassword("old", "new"), undefined);
  assert.equal(await auth.accessToken(), "access-1");
  await auth.changePassword("new", "newer", { endOtherSessions: false });
  assert.deepEqual(bodies(server, "/auth/password"), [
    { current_password: "old", new_password: "new", end_other_sessions: true },
    { current_password: "new", new_password: "newer", end_other_sessions: false },
  ]);
  assert.equal(server.to("/auth/refresh").length, 0);
});

test("a password change whose response was lost is retried at once", async (t) => {
  const responses = ["cut", tokens(1)];
  const { server, auth } = await signedIn(t, { "POST /auth/password": () => responses.shift() });
  await auth.changePassword("old", "new");
  assert.equal(await auth.accessToken(), "access-1");
  const [first, second] = bodies(server, "/auth/password");
  assert.deepEqual(second, first);
  assert.equal(new Set(keys(server, "/auth/password")).size, 1);
});

test("deleting the account signs out, even if only the retry gets a response", async (t) => {
  for (const first of [() => [204], () => "cut"]) {
    const { server, auth, items } = await signedIn(t, { "DELETE /auth/me": first });
    await auth.deleteAccount().catch(async (error) => {
      assert.equal(error.code, "unreachable");
      await assertSignedIn(auth);
      const gone = () => problem(401, "session_ended", { reason: "user_deleted" });
      Object.assign(server.script, { "DELETE /auth/me": gone, "POST /auth/refresh": gone });
      await auth.deleteAccount();
    });
    await assertSignedOut(auth);
    assert.equal(items.has(`latchkey:${server.url}`), auth.state.reason !== undefined);
  }
});

test("a rejected deletion leaves the user signed in", async (t) => {
  const { server, auth } = await signedIn(t, { "DELETE /auth/me": () => problem(403, "fresh_login_required") });
  await assert.rejects(auth.deleteAccount(), { code: "fresh_login_required" });
  server.script["DELETE /auth/me"] = () => problem(409, "last_administrator");
  await assert.rejects(auth.deleteAccount(), { code: "last_administrator" });
  await assertSignedIn(auth);
});

test("sessions are listed and ended; ending the current one signs out", async (t) => {
  const all = [{ id: "here", current: true }, { id: "there", current: false }];
  const { server, auth } = await signedIn(t, {
    "GET /auth/sessions": () => [200, { sessions: all }],
    "DELETE /auth/sessions/here": () => [204],
    "DELETE /auth/sessions/there": () => [204],
    "DELETE /auth/sessions/..%2Fme": () => problem(404, "not_found"),
  });
  assert.deepEqual(await auth.sessions(), { sessions: all });
  await auth.endSession("there");
  await assertSignedIn(auth);
  await assert.rejects(auth.endSession("../me"), { code: "not_found" });
  await auth.endSession("here");
  await assertSignedOut(auth);
  assert.equal(server.to("/auth/sessions/here").length, 1);
});

test("sessions are paged; the current one is known, whichever page it is on", async (t) => {
  const { auth } = await signedIn(t, {
    "GET /auth/sessions?limit=1": () => [200, { sessions: [{ id: "here", current: true }], next_cursor: "a+b" }],
    "GET /auth/sessions?limit=1&cursor=a%2Bb": () => [200, { sessions: [{ id: "there", current: false }] }],
    "DELETE /auth/sessions/here": () => [204],
  });
  const { sessions, next_cursor: cursor } = await auth.sessions({ limit: 1 });
  assert.deepEqual([sessions, cursor], [[{ id: "here", current: true }], "a+b"]);
  assert.deepEqual(await auth.sessions({ limit: 1, cursor }), { sessions: [{ id: "there", current: false }] });
  await auth.endSession("here");
  await assertSignedOut(auth);
});

test("methods can be event listeners: only the options of a page are sent", async (t) => {
  const { auth } = await signedIn(t, {
    "GET /auth/sessions": () => [200, { sessions: [] }],
    "GET /auth/events": () => [200, { items: [] }],
  });
  const click = new Event("click");
  assert.deepEqual([await auth.sessions(click), await auth.events(click)], [{ sessions: [] }, { items: [] }]);
});

test("calls that require a fresh login can be repeated after a reauthentication", async (t) => {
  let isFresh = false;
  const guarded = () => (isFresh ? [204] : problem(403, "fresh_login_required"));
  const { auth } = await signedIn(t, {
    "DELETE /auth/sessions/there": guarded,
    "POST /auth/logout-all": guarded,
    "POST /auth/reauthenticate": () => ((isFresh = true), tokens(1)),
  });
  await assert.rejects(auth.endSession("there"), { code: "fresh_login_required" });
  await assert.rejects(auth.logoutEverywhere(), { code: "fresh_login_required" });
  await assertSignedIn(auth);
  await auth.reauthenticate("secret");
  await auth.endSession("there");
  await assertSignedIn(auth);
  await auth.logoutEverywhere();
  await assertSignedOut(auth);
});

test("all sessions can be ended with one call", async (t) => {
  const { server, auth } = await signedIn(t, { "POST /auth/logout-all": () => problem(503, "unavailable") });
  await assert.rejects(auth.logoutEverywhere(), { code: "unavailable" });
  await assertSignedIn(auth);
  server.script["POST /auth/logout-all"] = () => [204];
  await auth.logoutEverywhere();
  await assertSignedOut(auth);
});

test("events are paged", async (t) => {
  const { auth } = await signedIn(t, {
    "GET /auth/events": () => [200, { items: ["newer"], next_cursor: "a+b" }],
    "GET /auth/events?limit=1&cursor=a%2Bb": () => [200, { items: ["older"] }],
  });
  const { items, next_cursor: cursor } = await auth.events();
  assert.deepEqual(items, ["newer"]);
  assert.deepEqual(await auth.events({ limit: 1, cursor }), { items: ["older"] });
});

test("a response that is not the auth server's is an error, whatever its status", async (t) => {
  const { auth } = await signedIn(t, {
    "GET /auth/sessions": () => [200, "<html>Welcome!</html>"],
    "GET /auth/events": () => [204],
    "DELETE /auth/me": () => [200, "<html>Welcome!</html>"],
    "POST /auth/reauthenticate": () => [401, "<html>Proxy authentication</html>"],
  });
  for (const call of [auth.sessions(), auth.events(), auth.deleteAccount(), auth.reauthenticate("secret")]) {
    await assert.rejects(call, { code: "unexpected_response" });
  }
  await assertSignedIn(auth);
});

test("a call with a superseded token in the cookie is retried once, after a refresh", async (t) => {
  let superseded = true;
  const { server, auth } = await signedIn(t, {
    "GET /auth/sessions": () => (superseded ? problem(401, "token_stale") : [200, { sessions: [] }]),
    "POST /auth/refresh": () => {
      superseded = false;
      return tokens(1);
    },
  });
  assert.deepEqual(await auth.sessions(), { sessions: [] });
  assert.equal(server.to("/auth/refresh").length, 1);
  superseded = true;
  server.script["POST /auth/refresh"] = () => tokens(2);
  await assert.rejects(auth.sessions(), { code: "token_stale" }, "retried once only");
  assert.equal(server.to("/auth/sessions").length, 4);
  await assertSignedIn(auth);
});

for (const code of ["session_ended", "missing_token"]) {
  test(`after ${code} the refresh decides, and the user is signed out`, async (t) => {
    const ended = () => problem(401, code, { reason: "revoked" });
    const { server, auth, items } = await signedIn(t, { "GET /auth/sessions": ended, "POST /auth/refresh": ended });
    const notified = [];
    auth.subscribe(({ user }) => notified.push(user));
    await assert.rejects(auth.sessions(), { code, reason: "revoked" });
    await assertSignedOut(auth);
    assert.deepEqual([notified, server.to("/auth/sessions").length], [[null], 1]);
    assert.deepEqual([...items.values()], ['{"ended":"revoked"}']);
  });
}

test("the user stays signed in while the refresh fails for another reason", async (t) => {
  const { auth } = await signedIn(t, {
    "GET /auth/sessions": () => problem(401, "session_ended"),
    "POST /auth/refresh": () => problem(503, "unavailable"),
  });
  await assert.rejects(auth.sessions(), { code: "unavailable" });
  await assertSignedIn(auth);
});

test("a call waits for another tab's refresh", async (t) => {
  const order = [];
  const { server, auth } = await signedIn(t, {
    "POST /auth/refresh": async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push("refreshed");
      return tokens(1);
    },
    "GET /auth/sessions": () => (order.push("called"), [200, { sessions: [] }]),
  });
  await Promise.all([(await openTab(server)).refreshAccess(), auth.sessions()]);
  assert.deepEqual(order, ["refreshed", "called"]);
});

test("a call that waits while another tab signs in another user is not made", async (t) => {
  const { server, auth } = await signedIn(t, { "DELETE /auth/me": () => [204] });
  const login = (await openTab(server)).login({});
  await assert.rejects(Promise.all([auth.deleteAccount(), login]), { code: "session_ended", status: 0 });
  await login;
  assert.equal(server.to("/auth/me").length, 0);
  assert.equal(isSignedIn(auth), true, "the other user is signed in");
});

test("without a session, calls fail and make no request", async (t) => {
  browser(t);
  const server = await scriptedServer(t, {});
  const auth = await openTab(server);
  for (const call of [auth.sessions(), auth.events(), auth.deleteAccount(), auth.reauthenticate("secret")]) {
    await assert.rejects(call, { name: "AuthError", code: "session_ended" });
  }
  assert.equal(server.to("/auth/sessions").length, 0);
});

test("a fresh token is used until it expires", async (t) => {
  const advance = clock(t);
  const { auth } = await signedIn(t, { "POST /auth/reauthenticate": () => tokens(1, { access_token: "fresh" }) });
  advance(50_000);
  await auth.reauthenticate("secret");
  advance(50_000);
  assert.equal(await auth.accessToken(), "fresh");
  advance(5_000);
  assert.equal(await auth.accessToken(), "access-1");
});
