import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, isSignedIn, nextChange, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const BOB = { ...ANN, id: "2", name: "Bob" };

const keys = (server) => server.to("/auth/refresh").map((request) => request.headers["idempotency-key"]);

/** A signed-in client and its server, which responds to refreshes with `refresh`. */
async function signedIn(t, refresh, options) {
  const simulated = browser(t, options);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": refresh });
  const auth = await openTab(server);
  await auth.login({});
  return { server, auth, ...simulated };
}

test("concurrent refreshes share one request", async (t) => {
  const { server, auth } = await signedIn(t, () => tokens(1));
  const all = await Promise.all([auth.refreshAccess(), auth.refreshAccess(), auth.refreshAccess()]);
  assert.deepEqual(all, ["access-1", "access-1", "access-1"]);
  assert.equal(server.to("/auth/refresh").length, 1);
  await auth.refreshAccess();
  assert.equal(server.to("/auth/refresh").length, 2);
});

test("each rotation has its own key, in the format that the server requires", async (t) => {
  let rotation = 0;
  const { server, auth } = await signedIn(t, () => tokens((rotation += 1)));
  for (let i = 0; i < 3; i += 1) await auth.refreshAccess();
  assert.equal(new Set(keys(server)).size, 3);
  for (const key of keys(server)) assert.match(key, /^[A-Za-z0-9_-]{22,64}$/);
});

test("a lost response is retried with the same key, even after a reload", async (t) => {
  const { server, auth } = await signedIn(t, () => "cut");
  await assert.rejects(auth.refreshAccess(), { code: "unreachable", status: 0 });
  await assert.rejects((await openTab(server)).refreshAccess(), { code: "unreachable" });
  server.script["POST /auth/refresh"] = () => tokens(1);
  assert.equal(await auth.refreshAccess(), "access-1");
  assert.equal(new Set(keys(server)).size, 1);
});

test("a truncated response counts as lost", async (t) => {
  const { server, auth } = await signedIn(t, () => [200, '{"access_token":"acc']);
  await assert.rejects(auth.refreshAccess(), { code: "unexpected_response" });
  server.script["POST /auth/refresh"] = () => tokens(1);
  await auth.refreshAccess();
  assert.equal(new Set(keys(server)).size, 1);
});

for (const locks of [true, false]) {
  test(`tabs refresh with the same key ${locks ? "one after the other" : "at the same time"}`, async (t) => {
    let pending = 0;
    let maximum = 0;
    const { server, auth } = await signedIn(
      t,
      async () => {
        pending += 1;
        maximum = Math.max(maximum, pending);
        await new Promise((resolve) => setTimeout(resolve, 20));
        pending -= 1;
        return "cut";
      },
      { locks },
    );
    const other = await openTab(server);
    await Promise.allSettled([auth.refreshAccess(), other.refreshAccess()]);
    assert.equal(new Set(keys(server)).size, 1);
    assert.equal(keys(server).length, 2);
    assert.equal(maximum, locks ? 1 : 2);
  });
}

test("a delayed response does not replace the key", async (t) => {
  const gates = [];
  const gated = () => new Promise((open) => gates.push(open));
  const { server, auth } = await signedIn(t, gated, { locks: false });
  const early = auth.refreshAccess();
  const late = (await openTab(server)).ready;
  while (gates.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  gates[0](tokens(2));
  await early;
  const key = JSON.parse(localStorage.getItem(`latchkey:${server.url}`)).key;
  gates[1](tokens(1));
  await late;
  assert.equal(JSON.parse(localStorage.getItem(`latchkey:${server.url}`)).key, key);
});

for (const code of ["session_ended", "missing_token"]) {
  test(`${code} signs out`, async (t) => {
    const { auth, items } = await signedIn(t, () => problem(401, code));
    const notified = [];
    auth.subscribe(({ user }) => notified.push(user));
    assert.equal(await auth.refreshAccess(), null);
    assert.deepEqual([isSignedIn(auth), auth.state.user, notified], [false, null, [null]]);
    assert.deepEqual([...items.values()], [`{"ended":"${code}"}`]);
  });
}

const OTHER_FAILURES = {
  "an unavailable server": problem(503, "unavailable"),
  "an internal error": problem(500, "internal_error"),
  "too many requests": problem(429, "too_many_requests", { retry_after: 7 }),
  "a rejected origin": problem(403, "origin_not_allowed"),
  "a duplicate cookie": problem(400, "malformed_request"),
  "a 401 with another code": problem(401, "token_stale"),
  "a proxy's error page": [502, "<html>Bad Gateway</html>"],
  "a captive portal's login page": [200, "<html>Welcome!</html>"],
  "a proxy's 401": [401, "<html>Proxy authentication</html>"],
  "session_ended with another status": problem(503, "session_ended"),
  "a null body": [401, "null"],
  "no response": "cut",
};
for (const [name, response] of Object.entries(OTHER_FAILURES)) {
  test(`the user stays signed in after ${name}`, async (t) => {
    const { server, auth } = await signedIn(t, () => response);
    await assert.rejects(auth.refreshAccess(), { name: "AuthError" });
    assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [true, ANN, "access-0"]);
    server.script["POST /auth/refresh"] = () => tokens(1);
    assert.equal(await auth.refreshAccess(), "access-1");
  });
}

test("a logout in one tab signs out all tabs", async (t) => {
  const { server, auth } = await signedIn(t, () => tokens(1));
  server.script["POST /auth/logout"] = () => [204];
  const other = await openTab(server);
  await other.refreshAccess();
  const notified = nextChange(other);
  await auth.logout();
  assert.equal(await notified, null);
  assert.deepEqual([isSignedIn(other), other.state.user, await other.accessToken()], [false, null, null]);
});

test("a login as another user in one tab changes the user in all tabs", async (t) => {
  const { server, auth } = await signedIn(t, () => tokens(1));
  const other = await openTab(server);
  await other.refreshAccess();
  const notified = nextChange(other);
  server.script["POST /auth/login"] = () => tokens(0, { user: BOB });
  server.script["POST /auth/refresh"] = () => tokens(1, { user: BOB, access_token: "of-bob" });
  await auth.login({});
  assert.deepEqual(await notified, BOB);
  assert.equal(await other.accessToken(), "of-bob");
});

test("the token of a replaced session is not used, even before the storage event", async (t) => {
  const { server, auth, items } = await signedIn(t, () => tokens(1, { access_token: "of-bob" }));
  const name = `latchkey:${server.url}`;
  items.set(name, JSON.stringify({ ...JSON.parse(items.get(name)), session: "another" }));
  assert.equal(await auth.accessToken(), "of-bob");
});

test("a refresh in one tab does not make other tabs refresh", async (t) => {
  let rotation = 0;
  const { server, auth } = await signedIn(t, () => tokens((rotation += 1)));
  const other = await openTab(server);
  await other.refreshAccess();
  await auth.refreshAccess();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(server.to("/auth/refresh").length, 2);
});

test("a page restored from the back-forward cache detects a logout", async (t) => {
  const { server, auth, items, events } = await signedIn(t, () => tokens(1));
  items.delete(`latchkey:${server.url}`);
  events.dispatchEvent(new Event("pageshow"));
  assert.deepEqual([isSignedIn(auth), auth.state.user], [false, null]);
});

test("a refresh is repeated if another tab signed in meanwhile", async (t) => {
  const gates = [];
  const { server, auth } = await signedIn(t, () => new Promise((open) => gates.push(open)), { locks: false });
  const refreshed = auth.refreshAccess();
  while (gates.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const other = await openTab(server);
  while (gates.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  server.script["POST /auth/refresh"] = () => tokens(1, { access_token: "of-the-new-session" });
  gates[1](problem(503, "unavailable"));
  await other.ready;
  await other.login({});
  gates[0](tokens(58));
  assert.equal(await refreshed, "of-the-new-session");
  assert.equal(JSON.parse(localStorage.getItem(`latchkey:${server.url}`)).rotation, 1);
});
