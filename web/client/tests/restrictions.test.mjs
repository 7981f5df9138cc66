// Browsers block or limit storage, locks and channels: in private windows, in sandboxed frames, when the disk is full.
import assert from "node:assert/strict";
import { test } from "node:test";

import { block, browser, isSignedIn, nextChange, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const BOB = { ...ANN, id: "2", name: "Bob" };

const keys = (server) => server.to("/auth/refresh").map((request) => request.headers["idempotency-key"]);
/** Waits until messages between tabs have arrived. */
const delivered = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A server that accepts every call. `script` overrides its responses. */
function openServer(t, script) {
  let rotation = 0;
  return scriptedServer(t, {
    "POST /auth/register": () => [201, tokens(0)[1]],
    "POST /auth/login": () => tokens(0),
    "POST /auth/refresh": () => tokens((rotation += 1)),
    "POST /auth/logout": () => [204],
    ...script,
  });
}

/** Makes localStorage reject new items and longer values, as browsers do if it is full. */
function fillStorage({ items }) {
  const { setItem } = localStorage;
  localStorage.setItem = (name, value) => {
    if (value.length > (items.get(name)?.length ?? 0)) throw new DOMException("It is full.", "QuotaExceededError");
    setItem(name, value);
  };
  return () => Object.assign(localStorage, { setItem });
}

const RESTRICTIONS = {
  "localStorage is full": (_, simulated) => fillStorage(simulated),
  "localStorage is blocked": (t) => block(t, "localStorage"),
  "localStorage is disabled": (t, { items }) => Object.assign(globalThis, { localStorage: (items.clear(), null) }),
  "locks are blocked": () => {
    navigator.locks.request = async () => {
      throw new DOMException("The browser blocks it.", "SecurityError");
    };
  },
  "access to locks is blocked": (t) => block(t, "navigator"),
  "channels are blocked": (t) => block(t, "BroadcastChannel"),
  "everything is blocked": (t) => ["localStorage", "navigator", "BroadcastChannel"].forEach((name) => block(t, name)),
};
for (const [name, restrict] of Object.entries(RESTRICTIONS)) {
  for (const call of ["register", "login"]) {
    test(`${call} succeeds while ${name}, and the session lasts as long as the page`, async (t) => {
      restrict(t, browser(t));
      const server = await openServer(t, { "GET /auth/events": () => [200, { items: [] }] });
      const auth = await openTab(server);
      assert.deepEqual(await auth[call]({}), ANN);
      assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [true, ANN, "access-0"]);
      assert.deepEqual(await auth.events(), { items: [] });
      assert.deepEqual([await auth.refreshAccess(), await auth.refreshAccess()], ["access-1", "access-2"]);
      assert.equal(new Set(keys(server)).size, 2, "each rotation has its own key");
      server.script["POST /auth/refresh"] = () => "cut";
      await assert.rejects(auth.refreshAccess());
      await assert.rejects(auth.refreshAccess());
      assert.equal(new Set(keys(server)).size, 3, "and keeps it until a response arrives");
      await auth.logout();
      assert.deepEqual([isSignedIn(auth), auth.state.user, await auth.accessToken()], [false, null, null]);
    });
  }
}

for (const name of ["localStorage is full", "localStorage is blocked"]) {
  test(`open tabs share the session while ${name}`, async (t) => {
    const simulated = browser(t);
    const server = await openServer(t);
    const [one, other] = [await openTab(server), await openTab(server)];
    RESTRICTIONS[name](t, simulated);

    const appeared = nextChange(other);
    await one.login({});
    assert.deepEqual(await appeared, ANN);
    assert.deepEqual([isSignedIn(other), await other.accessToken()], [true, "access-1"]);

    await delivered();
    server.script["POST /auth/refresh"] = () => "cut";
    for (const auth of [one, other]) await assert.rejects(auth.refreshAccess());
    const [lost, retried] = keys(server).slice(-2);
    assert.equal(retried, lost, "either tab can retry the refresh whose response was lost");

    const replaced = nextChange(other);
    server.script["POST /auth/refresh"] = () => tokens(1, { user: BOB });
    await one.login({});
    assert.deepEqual(await replaced, BOB);

    const left = nextChange(other);
    await one.logout();
    assert.equal(await left, null);
    assert.equal(isSignedIn(other), false);
  });
}

test("once localStorage has space again, all tabs use it", async (t) => {
  const simulated = browser(t);
  const server = await openServer(t);
  const [one, other] = [await openTab(server), await openTab(server)];
  const empty = fillStorage(simulated);
  const appeared = nextChange(other);
  await one.login({});
  await appeared;
  assert.equal(simulated.items.size, 0);

  empty();
  await one.refreshAccess();
  assert.equal(isSignedIn(await openTab(server)), true);
  const left = nextChange(other);
  simulated.items.clear();
  simulated.events.dispatchEvent(new Event("storage"));
  assert.equal(await left, null, "the copy in memory is gone");
});

test("of two keys for one rotation, all tabs keep the same", async (t) => {
  const simulated = browser(t, { locks: false });
  const gates = [];
  const server = await openServer(t, { "POST /auth/refresh": () => new Promise((open) => gates.push(open)) });
  const [one, other] = [await openTab(server), await openTab(server)];
  fillStorage(simulated);
  await one.login({});
  while (gates.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const refreshes = [one.refreshAccess(), other.refreshAccess()];
  while (gates.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const open of gates) open(tokens(1));
  await Promise.all(refreshes);
  await delivered();

  server.script["POST /auth/refresh"] = () => "cut";
  for (const auth of [one, other]) await assert.rejects(auth.refreshAccess());
  const [first, second] = keys(server).slice(-2);
  assert.equal(second, first);
});

test("without locks, the calls of a page still take turns", async (t) => {
  browser(t, { locks: false });
  let pending = 0;
  let maximum = 0;
  const slow = async () => {
    maximum = Math.max(maximum, (pending += 1));
    await new Promise((resolve) => setTimeout(resolve, 10));
    pending -= 1;
    return problem(503, "unavailable");
  };
  const server = await openServer(t, { "POST /auth/refresh": slow, "GET /auth/events": slow });
  const auth = await openTab(server);
  await auth.login({});
  await Promise.allSettled([auth.refreshAccess(), auth.events(), auth.events()]);
  assert.equal(maximum, 1);
});

test("a call that fails with the name of a lock's error is not repeated", async (t) => {
  browser(t);
  const server = await openServer(t);
  const auth = await openTab(server);
  await auth.login({});
  const sent = t.mock.method(globalThis, "fetch", async () => {
    throw new DOMException("The policy forbids it.", "SecurityError");
  });
  await assert.rejects(auth.refreshAccess(), { code: "unreachable" });
  assert.equal(sent.mock.callCount(), 1);
});

test("in a frame without an origin, a client can be created and reports the server's error", async (t) => {
  browser(t);
  globalThis.location = { origin: "null" };
  for (const name of ["localStorage", "navigator", "BroadcastChannel"]) block(t, name);
  const server = await openServer(t, { "POST /auth/login": () => problem(403, "origin_not_allowed") });
  const { createAuthClient } = await import("../auth.js?frame");
  assert.equal(isSignedIn(createAuthClient()), false);
  await assert.rejects(createAuthClient({ authUrl: server.url }).login({}), { code: "origin_not_allowed" });
});
