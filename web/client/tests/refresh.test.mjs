import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { browser } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const BOB = { ...ANN, id: "2", name: "Bob" };

const client = (server) => createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
const keys = (server) => server.to("/auth/refresh").map((request) => request.headers["idempotency-key"]);

/** A client that is logged in, at a server whose refreshes are still to be scripted. */
async function loggedIn(t, refresh, options) {
  const place = browser(t, options);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": refresh });
  const auth = client(server);
  await auth.login({});
  return { server, auth, ...place };
}

test("of many refreshes at a time one is made", async (t) => {
  const { server, auth } = await loggedIn(t, () => tokens(1));
  const all = await Promise.all([auth.refreshAccess(), auth.refreshAccess(), auth.refreshAccess()]);
  assert.deepEqual(all, ["access-1", "access-1", "access-1"]);
  assert.equal(server.to("/auth/refresh").length, 1);
  await auth.refreshAccess();
  assert.equal(server.to("/auth/refresh").length, 2);
});

test("each rotation has a key of its own, in the form that the server wants", async (t) => {
  let rotation = 0;
  const { server, auth } = await loggedIn(t, () => tokens((rotation += 1)));
  for (let i = 0; i < 3; i += 1) await auth.refreshAccess();
  assert.equal(new Set(keys(server)).size, 3);
  for (const key of keys(server)) assert.match(key, /^[A-Za-z0-9_-]{22,64}$/);
});

test("a lost answer is asked for again with the same key, after a reload, too", async (t) => {
  const { server, auth } = await loggedIn(t, () => "cut");
  await assert.rejects(auth.refreshAccess(), { code: "unreachable", status: 0 });
  await assert.rejects(client(server).refreshAccess(), { code: "unreachable" });
  server.script["POST /auth/refresh"] = () => tokens(1);
  assert.equal(await auth.refreshAccess(), "access-1");
  assert.equal(new Set(keys(server)).size, 1);
});

test("an answer that breaks off in the middle counts as lost", async (t) => {
  const { server, auth } = await loggedIn(t, () => [200, '{"access_token":"acc']);
  await assert.rejects(auth.refreshAccess(), { code: "unexpected_answer" });
  server.script["POST /auth/refresh"] = () => tokens(1);
  await auth.refreshAccess();
  assert.equal(new Set(keys(server)).size, 1);
});

for (const locks of [true, false]) {
  test(`tabs ask with the same key ${locks ? "one after the other" : "at the same time"}`, async (t) => {
    let underWay = 0;
    let most = 0;
    const { server, auth } = await loggedIn(
      t,
      async () => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((soon) => setTimeout(soon, 20));
        underWay -= 1;
        return "cut";
      },
      { locks },
    );
    const other = client(server);
    await Promise.allSettled([auth.refreshAccess(), other.refreshAccess()]);
    assert.equal(new Set(keys(server)).size, 1);
    assert.equal(keys(server).length, 2);
    assert.equal(most, locks ? 1 : 2);
  });
}

test("an answer that another one has overtaken does not replace the key", async (t) => {
  const gates = [];
  const gated = () => new Promise((open) => gates.push(open));
  const { server, auth } = await loggedIn(t, gated, { locks: false });
  const other = client(server);
  const early = auth.refreshAccess();
  const late = other.refreshAccess();
  while (gates.length < 2) await new Promise((soon) => setTimeout(soon, 5));
  gates[0](tokens(2));
  await early;
  const key = JSON.parse(localStorage.getItem(`latchkey:${server.url}`)).key;
  gates[1](tokens(1));
  await late;
  assert.equal(JSON.parse(localStorage.getItem(`latchkey:${server.url}`)).key, key);
});

for (const code of ["session_ended", "missing_token"]) {
  test(`${code} logs out`, async (t) => {
    const { auth, items } = await loggedIn(t, () => problem(401, code, { reason: "reuse_detected" }));
    const heard = [];
    auth.onChange((user) => heard.push(user));
    assert.equal(await auth.refreshAccess(), null);
    assert.deepEqual([auth.isLoggedIn(), auth.user(), items.size, heard], [false, null, 0, [null]]);
  });
}

const NO_VERDICTS = {
  "a server that is not available": problem(503, "unavailable"),
  "an error of the server": problem(500, "internal_error"),
  "too many requests": problem(429, "too_many_requests", { retry_after: 7 }),
  "a foreign origin": problem(403, "origin_not_allowed"),
  "a doubled cookie": problem(400, "malformed_request"),
  "another 401": problem(401, "token_stale"),
  "a proxy's page": [502, "<html>Bad Gateway</html>"],
  "a login page of the hotel": [200, "<html>Welcome!</html>"],
  "a 401 that is not the server's": [401, "<html>Proxy authentication</html>"],
  "session_ended with another status": problem(503, "session_ended"),
  "null": [401, "null"],
  "no answer": "cut",
};
for (const [name, answer] of Object.entries(NO_VERDICTS)) {
  test(`${name} is no verdict: one stays logged in`, async (t) => {
    const { server, auth } = await loggedIn(t, () => answer);
    await assert.rejects(auth.refreshAccess(), { name: "AuthError" });
    assert.deepEqual([auth.isLoggedIn(), auth.user(), await auth.accessToken()], [true, ANN, "access-0"]);
    server.script["POST /auth/refresh"] = () => tokens(1);
    assert.equal(await auth.refreshAccess(), "access-1");
  });
}

test("a logout in one tab is one in all of them", async (t) => {
  const { server, auth } = await loggedIn(t, () => tokens(1));
  server.script["POST /auth/logout"] = () => [204];
  const other = client(server);
  await other.refreshAccess();
  const heard = new Promise((hear) => other.onChange(hear));
  await auth.logout();
  assert.equal(await heard, null);
  assert.deepEqual([other.isLoggedIn(), other.user(), await other.accessToken()], [false, null, null]);
});

test("a login in one tab is one in all of them, also as somebody else", async (t) => {
  const { server, auth } = await loggedIn(t, () => tokens(1));
  const other = client(server);
  await other.refreshAccess();
  const heard = new Promise((hear) => other.onChange(hear));
  server.script["POST /auth/login"] = () => tokens(0, { user: BOB });
  server.script["POST /auth/refresh"] = () => tokens(1, { user: BOB, access_token: "of-bob" });
  await auth.login({});
  assert.deepEqual(await heard, BOB);
  assert.equal(await other.accessToken(), "of-bob");
});

test("the token of a session that another tab has replaced is not used, even before this tab hears of it", async (t) => {
  const { server, auth, items } = await loggedIn(t, () => tokens(1, { access_token: "of-bob" }));
  const place = `latchkey:${server.url}`;
  items.set(place, JSON.stringify({ ...JSON.parse(items.get(place)), session: "another" }));
  assert.equal(await auth.accessToken(), "of-bob");
});

test("a rotation in one tab makes no other tab refresh", async (t) => {
  let rotation = 0;
  const { server, auth } = await loggedIn(t, () => tokens((rotation += 1)));
  const other = client(server);
  await other.refreshAccess();
  await auth.refreshAccess();
  await new Promise((soon) => setTimeout(soon, 20));
  assert.equal(server.to("/auth/refresh").length, 2);
});

test("a page that comes back finds out that somebody has logged out meanwhile", async (t) => {
  const { server, auth, items, events } = await loggedIn(t, () => tokens(1));
  items.delete(`latchkey:${server.url}`);
  events.dispatchEvent(new Event("pageshow"));
  assert.deepEqual([auth.isLoggedIn(), auth.user()], [false, null]);
});

test("a refresh that was under way while another tab logged in is made again", async (t) => {
  const gates = [];
  const { server, auth } = await loggedIn(t, () => new Promise((open) => gates.push(open)), { locks: false });
  const refreshed = auth.refreshAccess();
  while (gates.length < 1) await new Promise((soon) => setTimeout(soon, 5));
  await client(server).login({});
  server.script["POST /auth/refresh"] = () => tokens(1, { access_token: "of-the-new-session" });
  gates[0](tokens(58));
  assert.equal(await refreshed, "of-the-new-session");
  assert.equal(JSON.parse(localStorage.getItem(`latchkey:${server.url}`)).rotation, 1);
});
