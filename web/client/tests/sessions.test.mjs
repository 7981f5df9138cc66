import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthError, createAuthClient } from "../auth.js";
import { browser, clock } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const client = (server) => createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });

test("a login gives a token, and tells who it is", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0) });
  const auth = client(server);
  const heard = [];
  auth.onChange((user) => heard.push(user));

  assert.deepEqual(await auth.login({ email: "ann@example.org", password: "secret" }), ANN);
  assert.equal(await auth.accessToken(), "access-0");
  assert.deepEqual([auth.isLoggedIn(), auth.user(), heard], [true, ANN, [ANN]]);
  const [request] = server.to("/auth/login");
  assert.deepEqual(JSON.parse(request.body), { email: "ann@example.org", password: "secret" });
  assert.equal(request.headers["content-type"], "application/json");
});

test("a registration does, too", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/register": () => [201, tokens(0)[1]] });
  const auth = client(server);
  assert.deepEqual(await auth.register({ email: "ann@example.org", password: "secret" }), ANN);
  assert.equal(auth.isLoggedIn(), true);
});

test("a refused login says why, and changes nothing", async (t) => {
  browser(t);
  const refused = problem(422, "invalid_input", { fields: { password: "is too short" } });
  const server = await scriptedServer(t, { "POST /auth/login": () => refused });
  const auth = client(server);
  await assert.rejects(auth.login({ email: "ann@example.org", password: "x" }), (error) => {
    assert.ok(error instanceof AuthError);
    assert.deepEqual([error.status, error.code, error.fields], [422, "invalid_input", { password: "is too short" }]);
    return true;
  });
  assert.deepEqual([auth.isLoggedIn(), auth.user(), await auth.accessToken()], [false, null, null]);
});

test("no token and nothing of the person is ever in localStorage", async (t) => {
  const { items } = browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": () => tokens(1) });
  const auth = client(server);
  await auth.login({});
  await auth.refreshAccess();
  const all = JSON.stringify([...items]);
  for (const secret of ["access-", "Ann", "ann@"]) assert.ok(!all.includes(secret), all);
});

test("after a reload somebody is logged in, and the first call asks for a token", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": () => tokens(1) });
  await client(server).login({});

  const reloaded = client(server);
  assert.deepEqual([reloaded.isLoggedIn(), reloaded.user()], [true, null]);
  assert.equal(await reloaded.accessToken(), "access-1");
  assert.deepEqual(reloaded.user(), ANN);
});

test("who never logged in is asked about at no server", async (t) => {
  browser(t);
  const server = await scriptedServer(t, {});
  const auth = client(server);
  assert.deepEqual([auth.isLoggedIn(), await auth.accessToken()], [false, null]);
  assert.equal(server.to("/auth/refresh").length, 0);
});

test("a cookie without our notes in localStorage can be tried", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => tokens(7) });
  const auth = client(server);
  assert.equal(await auth.refreshAccess(), "access-7");
  assert.equal(auth.isLoggedIn(), true);
});

test("as long as nobody has said that there is a session, nobody is logged in", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => problem(503, "unavailable") });
  const auth = client(server);
  await assert.rejects(auth.refreshAccess(), { code: "unavailable" });
  assert.equal(auth.isLoggedIn(), false);
});

test("the cookie goes along to the auth server", async (t) => {
  browser(t);
  const sent = t.mock.method(globalThis, "fetch", async () => Response.json(tokens(1)[1]));
  await createAuthClient({ authUrl: "https://auth.example.org/", apiOrigins: [] }).refreshAccess();
  const [url, { method, credentials }] = sent.mock.calls[0].arguments;
  assert.deepEqual([url, method, credentials], ["https://auth.example.org/auth/refresh", "POST", "include"]);
});

test("notes that somebody spoilt count as none", async (t) => {
  const { items } = browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => tokens(7) });
  for (const spoilt of ["", "null", "{", '{"session":"s","rotation":1,"key":"short"}', '{"rotation":"1"}']) {
    items.set(`latchkey:${server.url}`, spoilt);
    assert.equal(client(server).isLoggedIn(), false, spoilt);
  }
  assert.equal(await client(server).refreshAccess(), "access-7");
});

test("a logout ends it, once the server has said so", async (t) => {
  const { items } = browser(t);
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0),
    "POST /auth/logout": () => problem(503, "unavailable", { retry_after: 1 }),
  });
  const auth = client(server);
  await auth.login({});
  await assert.rejects(auth.logout(), { code: "unavailable", retryAfter: 1 });
  assert.deepEqual([auth.isLoggedIn(), auth.user(), await auth.accessToken()], [true, ANN, "access-0"]);

  server.script["POST /auth/logout"] = () => [204];
  await auth.logout();
  assert.deepEqual([auth.isLoggedIn(), auth.user(), await auth.accessToken(), items.size], [false, null, null, 0]);
});

test("where localStorage is forbidden, one stays logged in as long as the page lives", async (t) => {
  browser(t);
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get: () => {
      throw new Error("SecurityError");
    },
  });
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0) });
  const auth = client(server);
  await auth.login({});
  assert.deepEqual([auth.isLoggedIn(), await auth.accessToken()], [true, "access-0"]);
});

test("a token is renewed shortly before it expires, and not earlier", async (t) => {
  browser(t);
  const later = clock(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": () => tokens(1) });
  const auth = client(server);
  await auth.login({});
  later(53_000);
  assert.equal(await auth.accessToken(), "access-0");
  later(2_000);
  assert.equal(await auth.accessToken(), "access-1");
});

test("a token that is still good is used while no new one is to be had", async (t) => {
  browser(t);
  const later = clock(t);
  const down = () => problem(503, "unavailable");
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0), "POST /auth/refresh": down });
  const auth = client(server);
  await auth.login({});
  later(54_000);
  for (let call = 0; call < 3; call += 1) assert.equal(await auth.accessToken(), "access-0");
  assert.equal(server.to("/auth/refresh").length, 1, "and not at every call");
  later(5_000);
  assert.equal(await auth.accessToken(), "access-0");
  assert.equal(server.to("/auth/refresh").length, 2);
  later(1_000);
  await assert.rejects(auth.accessToken(), { code: "unavailable" });
  assert.equal(auth.isLoggedIn(), true);
});

test("a listener that was taken away hears nothing more", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "POST /auth/login": () => tokens(0) });
  const auth = client(server);
  const heard = [];
  const stop = auth.onChange((user) => heard.push(user));
  stop();
  await auth.login({});
  assert.deepEqual(heard, []);
});
