import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { browser, isSignedIn, nextChange } from "./browser.mjs";
import { ANN, scriptedServer, tokens } from "./scripted-server.mjs";

const BOB = { ...ANN, id: "2", name: "Bob" };

function openServer(t, user = ANN) {
  return scriptedServer(t, {
    "POST /auth/login": () => tokens(0, { user, access_token: `of-${user.name}` }),
    "POST /auth/refresh": () => tokens(1, { user, access_token: `renewed-of-${user.name}` }),
    "POST /auth/logout": () => [204],
    "GET /auth/events": () => [200, { items: [user.name] }],
    "GET /api": ({ headers }) => [200, { token: headers.authorization }],
  });
}

test("all clients of a server share the session of the page", async (t) => {
  browser(t);
  const server = await openServer(t);
  const [a, b] = ["", "/"].map((end) => createAuthClient({ authUrl: server.url + end, apiOrigins: [server.url] }));
  const notified = [];
  b.subscribe(({ user }) => notified.push(user));

  await a.login({});
  assert.deepEqual([isSignedIn(b), b.state.user, notified], [true, ANN, [ANN]]);
  assert.deepEqual(await b.events(), { items: ["Ann"] });
  assert.equal(await b.accessToken(), "of-Ann");
  assert.deepEqual(await Promise.all([a.refreshAccess(), b.refreshAccess()]), ["renewed-of-Ann", "renewed-of-Ann"]);
  assert.equal(server.to("/auth/refresh").length, 1, "one token serves both");

  await b.logout();
  assert.deepEqual([isSignedIn(a), a.state.user, await a.accessToken()], [false, null, null]);
  assert.equal(notified.at(-1), null);
});

test("clients of one server have their own apiOrigins", async (t) => {
  browser(t);
  const server = await openServer(t);
  const [a, b] = [[server.url], []].map((apiOrigins) => createAuthClient({ authUrl: server.url, apiOrigins }));
  await a.login({});
  assert.equal((await (await a.authFetch(`${server.url}/api`)).json()).token, "Bearer of-Ann");
  await assert.rejects(b.authFetch(`${server.url}/api`), TypeError);
  assert.equal(server.to("/api").length, 1);
});

test("clients of two servers have separate sessions", async (t) => {
  browser(t);
  const [first, second] = [await openServer(t), await openServer(t, BOB)];
  const [a, b] = [first, second].map(({ url }) => createAuthClient({ authUrl: url, apiOrigins: [url] }));
  const notified = [];
  b.subscribe(({ user }) => notified.push(user));

  await a.login({});
  assert.deepEqual([isSignedIn(b), notified], [false, []]);
  await b.login({});
  assert.deepEqual([a.state.user, b.state.user, notified], [ANN, BOB, [BOB]]);
  assert.deepEqual([await a.events(), await b.events()], [{ items: ["Ann"] }, { items: ["Bob"] }]);
  await a.logout();
  assert.deepEqual([isSignedIn(a), isSignedIn(b), await b.accessToken()], [false, true, "of-Bob"]);
});

test("another copy of the module in the same page notices changes", async (t) => {
  browser(t);
  // The page that changes localStorage gets no storage event.
  globalThis.addEventListener = () => {};
  const server = await openServer(t);
  const copy = await import("../auth.js?copy");
  const [a, b] = [createAuthClient, copy.createAuthClient].map((create) => create({ authUrl: server.url }));
  const appeared = nextChange(b);
  await a.login({});
  assert.deepEqual(await appeared, ANN);
  assert.deepEqual(await b.events(), { items: ["Ann"] });
  const left = nextChange(b);
  await a.logout();
  assert.equal(await left, null);
});

test("URLs may be relative to the page", async (t) => {
  browser(t);
  const server = await openServer(t);
  globalThis.location = { origin: server.url };
  const [root, prefix] = [createAuthClient(), createAuthClient({ authUrl: "/idp/" })];
  assert.deepEqual(await root.login({}), ANN);
  assert.equal((await root.authFetch(`${server.url}/api`)).status, 200);
  assert.equal(createAuthClient({ authUrl: server.url }).state.user, root.state.user);
  assert.equal(prefix.state.user, null);
  server.script["POST /idp/auth/login"] = () => tokens(0);
  await prefix.login({});
});
