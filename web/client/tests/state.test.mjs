// The state, the events, and what the client does without being called.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, openTab, page } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const SIGNED_IN = { status: "signed-in", user: ANN };
const SIGNED_OUT = { status: "signed-out", user: null };
const LOADING = { status: "loading", user: null };
const unavailable = () => problem(503, "unavailable");
const EVENTS = ["signed-in", "signed-out", "renewed", "user-updated", "session-ended"];

/** A server that accepts every call. `script` overrides its responses. */
function openServer(t, script) {
  let rotation = 0;
  return scriptedServer(t, {
    "POST /auth/login": () => ((rotation = 0), tokens(0)),
    "POST /auth/refresh": () => tokens((rotation += 1)),
    "POST /auth/logout": () => [204],
    ...script,
  });
}

/** Opens a page, and records its states and events. */
async function openPage(t, script, options) {
  const simulated = page(t, options);
  const server = await openServer(t, script);
  return { server, ...simulated, ...record(await openTab(server)) };
}

function record(auth) {
  const states = [];
  const events = [];
  auth.subscribe((state) => states.push(state));
  for (const type of EVENTS) auth.on(type, (event) => events.push(event));
  return { auth, states, events, types: () => events.map(({ type }) => type) };
}

const refreshes = (server) => server.to("/auth/refresh").length;

test("a first visit is signed out at once and makes no request", async (t) => {
  const { server, auth, states, events } = await openPage(t);
  assert.deepEqual(auth.state, SIGNED_OUT);
  assert.equal(await auth.ready, auth.state);
  assert.deepEqual([states, events, refreshes(server)], [[], [], 0]);
});

test("a reload is loading until the first refresh, which the client makes by itself", async (t) => {
  const { server, auth } = await openPage(t);
  await auth.login({});
  const reloaded = record(await openTab(server));
  assert.deepEqual(reloaded.auth.state, LOADING);
  assert.deepEqual(await reloaded.auth.ready, SIGNED_IN);
  assert.deepEqual([reloaded.states, reloaded.types()], [[SIGNED_IN], ["renewed"]]);
  assert.equal(refreshes(server), 1);
});

test("the state is the same frozen object until something changes", async (t) => {
  const { server, auth, states } = await openPage(t);
  const before = auth.state;
  assert.equal(auth.state, before);
  await auth.login({});
  const { state } = auth;
  for (let count = 0; count < 2; count += 1) await auth.refreshAccess();
  assert.equal(auth.state, state, "a renewal that changes nothing is not a change");
  assert.deepEqual(states, [SIGNED_IN]);
  for (const part of [state, state.user, state.user.roles]) assert.ok(Object.isFrozen(part));

  server.script["POST /auth/refresh"] = () => tokens(9, { user: { ...ANN, roles: ["admin"] } });
  await auth.refreshAccess();
  assert.notEqual(auth.state, state);
  assert.deepEqual([auth.hasRole("admin"), auth.hasRole("editor")], [true, false]);
});

test("each listener is called until it is removed, even one that is added twice", async (t) => {
  const { auth } = await openPage(t);
  let calls = 0;
  const listener = () => (calls += 1);
  // As React does in StrictMode: subscribe, remove, subscribe.
  auth.subscribe(listener)();
  const stops = [auth.subscribe(listener), auth.subscribe(listener)];
  await auth.login({});
  assert.equal(calls, 2);
  stops[0]();
  stops[0]();
  await auth.logout();
  assert.equal(calls, 3);
  stops[1]();
  await auth.login({});
  assert.equal(calls, 3);
});

test("events tell what happened, with the user", async (t) => {
  const { server, auth, events } = await openPage(t);
  const bob = { ...ANN, name: "Bob" };
  await auth.login({});
  await auth.refreshAccess();
  server.script["POST /auth/refresh"] = () => tokens(5, { user: bob });
  await auth.refreshAccess();
  await auth.logout();
  await auth.login({});
  server.script["POST /auth/refresh"] = () => problem(401, "session_ended", { reason: "user_disabled" });
  await auth.refreshAccess();
  assert.deepEqual(events.map(({ type, user, reason }) => [type, user?.name ?? null, reason]), [
    ["signed-in", "Ann", undefined],
    ["renewed", "Ann", undefined],
    ["renewed", "Bob", undefined],
    ["user-updated", "Bob", undefined],
    ["signed-out", null, undefined],
    ["signed-in", "Ann", undefined],
    ["session-ended", null, "user_disabled"],
  ]);
});

for (const reason of ["revoked", "user_deleted", "password_changed", "reuse_detected", "expired"]) {
  test(`a session that ended with ${reason} shows the reason in all tabs, and after a reload, until the next login`, async (t) => {
    const { server, auth } = await openPage(t);
    await auth.login({});
    const other = record(await openTab(server));
    await other.auth.ready;
    server.script["POST /auth/refresh"] = () => problem(401, "session_ended", { reason });
    const ended = new Promise((resolve) => other.auth.on("session-ended", resolve));
    assert.equal(await auth.refreshAccess(), null);
    assert.deepEqual(auth.state, { ...SIGNED_OUT, reason });
    assert.equal((await ended).reason, reason);
    assert.deepEqual([other.auth.state, other.types()], [auth.state, ["renewed", "session-ended"]]);
    const reloaded = await openTab(server);
    assert.deepEqual([reloaded.state, await reloaded.ready], [auth.state, auth.state]);
    await reloaded.login({});
    assert.deepEqual(reloaded.state, SIGNED_IN);
    await reloaded.logout();
    assert.deepEqual([reloaded.state, (await openTab(server)).state], [SIGNED_OUT, SIGNED_OUT]);
  });
}

test("a sign-out in another tab has no reason", async (t) => {
  const { server, auth } = await openPage(t);
  await auth.login({});
  const other = record(await openTab(server));
  await other.auth.ready;
  const left = new Promise((resolve) => other.auth.on("signed-out", resolve));
  await auth.logout();
  assert.deepEqual(await left, { type: "signed-out", user: null, reason: undefined });
  assert.deepEqual(other.auth.state, SIGNED_OUT);
});

test("a sign-in in another tab is loading until the user is known", async (t) => {
  const { server, auth, states, types } = await openPage(t);
  const signedIn = new Promise((resolve) => auth.on("signed-in", resolve));
  await (await openTab(server)).login({});
  await signedIn;
  assert.deepEqual([states, types()], [[LOADING, SIGNED_IN], ["signed-in"]]);

  server.script["POST /auth/refresh"] = () => tokens(1, { user: { ...ANN, id: "2", name: "Bob" } });
  const replaced = new Promise((resolve) => auth.on("signed-in", resolve));
  await (await openTab(server)).login({});
  assert.equal((await replaced).user.name, "Bob");
  const shown = states.slice(2).map(({ status, user }) => `${status} ${user?.name}`);
  assert.deepEqual(shown, ["loading undefined", "signed-in Bob"], "never the former user in the new session");
});

test("a failed first refresh is offline with its code, and is retried with growing delays", async (t) => {
  t.mock.method(Math, "random", () => 1); // Otherwise the delays are half as long, or in between.
  const { advance, items } = page(t);
  const server = await openServer(t, { "POST /auth/refresh": unavailable });
  items.set(`latchkey:${server.url}`, JSON.stringify({ session: "s", rotation: 0, key: "k".repeat(22) }));
  const { auth: reloaded, states } = record(await openTab(server));
  assert.deepEqual(await reloaded.ready, { status: "offline", user: null, reason: "unavailable" });
  const delays = [];
  for (let delay = 1; delays.length < 9; delay += 1) {
    const before = refreshes(server);
    await advance(1000);
    if (refreshes(server) === before) continue;
    delays.push(delay);
    delay = 0;
  }
  assert.deepEqual(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  assert.equal(states.length, 1, "offline is not reported again");

  server.script["POST /auth/refresh"] = () => tokens(1);
  await advance(60_000);
  assert.deepEqual(reloaded.state, SIGNED_IN);
});

test("Retry-After is respected", async (t) => {
  const { server, auth, advance } = await openPage(t);
  await auth.login({});
  server.script["POST /auth/refresh"] = () => problem(429, "too_many_requests", { retry_after: 120 });
  await (await openTab(server)).ready;
  const before = refreshes(server);
  server.script["POST /auth/refresh"] = () => tokens(3);
  await advance(30_000);
  assert.equal(refreshes(server), before);
});

for (const [name, happen] of Object.entries({
  "on `online`": ({ windowEvents }) => windowEvents.dispatchEvent(new Event("online")),
  "when it becomes visible": ({ setVisibility }) => (setVisibility("hidden"), setVisibility("visible")),
})) {
  test(`a page that failed to refresh retries at once ${name}`, async (t) => {
    const opened = await openPage(t);
    await opened.auth.login({});
    opened.server.script["POST /auth/refresh"] = () => "cut";
    const reloaded = await openTab(opened.server);
    assert.equal((await reloaded.ready).reason, "unreachable");
    opened.server.script["POST /auth/refresh"] = () => tokens(1);
    happen(opened);
    await opened.advance(10);
    assert.deepEqual(reloaded.state, SIGNED_IN);
  });
}

test("a visible page renews ahead of expiry, a hidden one does not", async (t) => {
  const { server, auth, advance, setVisibility } = await openPage(t);
  await auth.login({});
  await advance(53_000);
  assert.equal(refreshes(server), 0);
  await advance(2_000);
  assert.equal(refreshes(server), 1);
  await advance(54_500);
  assert.equal(refreshes(server), 2);
  setVisibility("hidden");
  await advance(600_000);
  assert.equal(refreshes(server), 2);
  assert.deepEqual(auth.state, SIGNED_IN, "nothing has failed");
  setVisibility("visible");
  await advance(10);
  assert.equal(refreshes(server), 3);
});

test("an explicit refresh without a session is no event", async (t) => {
  const { auth, states, events } = await openPage(t, { "POST /auth/refresh": () => problem(401, "missing_token") });
  assert.equal(await auth.refreshAccess(), null);
  assert.deepEqual([auth.state, states, events], [SIGNED_OUT, [], []]);
});

test("a signed-out page has no timer", async (t) => {
  const { server, auth, advance } = await openPage(t);
  await auth.login({});
  await auth.logout();
  await advance(600_000);
  assert.equal(refreshes(server), 0);
});

test("the system's clock does not matter", async (t) => {
  const { server, auth, advance } = await openPage(t);
  await auth.login({});
  for (const wrong of [0, 4e12]) {
    t.mock.method(Date, "now", () => wrong);
    await advance(100);
    assert.equal(await auth.accessToken(), "access-0");
  }
  assert.equal(refreshes(server), 0);
  await advance(55_000);
  assert.equal(refreshes(server), 1);
});

test("after the machine has slept, a call replaces the expired token", async (t) => {
  const { server, auth, advance } = await openPage(t, {
    "GET /api": ({ headers }) => (headers.authorization === "Bearer access-0" ? problem(401, "token_expired") : [200, {}]),
  });
  await auth.login({});
  // The monotonic clock stands still while a machine sleeps.
  await advance(1);
  assert.equal((await auth.authFetch(`${server.url}/api`)).status, 200);
  assert.equal(refreshes(server), 1);
});

test("a renewal that fails is retried while the token is valid; then the user stays known, but offline", async (t) => {
  const { server, auth, advance, states } = await openPage(t);
  await auth.login({});
  server.script["POST /auth/refresh"] = unavailable;
  await advance(56_000);
  assert.ok(refreshes(server) >= 1);
  assert.deepEqual([auth.state, await auth.accessToken()], [SIGNED_IN, "access-0"]);
  await advance(5_000);
  assert.deepEqual(auth.state, { status: "offline", user: ANN, reason: "unavailable" });
  assert.equal(auth.claims(), null);
  server.script["POST /auth/refresh"] = () => tokens(1);
  await advance(60_000);
  assert.deepEqual(auth.state, SIGNED_IN);
  assert.equal(states[1].user, states[2].user, "the same user is the same object");
  assert.deepEqual(states.map(({ status }) => status), ["signed-in", "offline", "signed-in"]);
});

test("two clients of a page share one state object", async (t) => {
  page(t);
  const server = await openServer(t);
  const { createAuthClient } = await import("../auth.js?shared-state");
  const [one, other] = [[], ["https://api.example.org"]].map((apiOrigins) =>
    createAuthClient({ authUrl: server.url, apiOrigins }),
  );
  await one.login({});
  assert.equal(one.state, other.state);
  assert.deepEqual(other.state, SIGNED_IN);
});

test("a profile change updates the user, and the token follows", async (t) => {
  const zoe = { ...ANN, name: "Zoe" };
  const { server, auth, advance, types } = await openPage(t, { "PATCH /auth/me": () => [200, zoe] });
  await auth.login({});
  server.script["POST /auth/refresh"] = () => tokens(1, { user: zoe });
  assert.deepEqual(await auth.updateProfile({ name: "Zoe" }), zoe);
  assert.deepEqual(JSON.parse(server.to("/auth/me")[0].body), { name: "Zoe" });
  assert.deepEqual([auth.state.user, types()], [zoe, ["signed-in", "user-updated"]]);
  await advance(10);
  assert.deepEqual([refreshes(server), types()], [1, ["signed-in", "user-updated", "renewed"]]);
});

test("the claims are those of the token, in any language", async (t) => {
  const claims = { sub: "1", name: "Zoë 🦊 Müller", roles: [] };
  const token = `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
  const { auth } = await openPage(t, { "POST /auth/login": () => tokens(0, { access_token: token }) });
  assert.equal(auth.claims(), null);
  await auth.login({});
  assert.deepEqual(auth.claims(), claims);
  await auth.logout();
  assert.equal(auth.claims(), null);
});
