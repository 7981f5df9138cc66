import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { browser, clock } from "./browser.mjs";
import { problem, scriptedServer, tokens } from "./scripted-server.mjs";

const bearers = (server, path) => server.to(path).map((request) => request.headers.authorization);

/** A client that is logged in, and an API whose answers depend on the token: `api(token, request)`. */
async function loggedIn(t, api) {
  browser(t);
  let rotation = 0;
  const answer = (request) => api(request.headers.authorization?.replace("Bearer ", ""), request);
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0),
    "POST /auth/refresh": () => tokens((rotation += 1)),
    "GET /api": answer,
    "POST /api": answer,
  });
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
  await auth.login({});
  return { server, auth, url: `${server.url}/api` };
}

test("a call carries the token", async (t) => {
  const { server, auth, url } = await loggedIn(t, () => [200, { ok: true }]);
  assert.deepEqual(await (await auth.authFetch(url)).json(), { ok: true });
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-0"]);
});

test("a token that is running out is renewed first", async (t) => {
  const later = clock(t);
  const { server, auth, url } = await loggedIn(t, () => [200, {}]);
  later(60_000);
  await auth.authFetch(url);
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-1"]);
});

test("a refused token is renewed and the call made again, with its body", async (t) => {
  const { server, auth, url } = await loggedIn(t, (token) => (token === "access-0" ? problem(401, "token_expired") : [200, {}]));
  const answer = await auth.authFetch(new Request(url, { method: "POST", body: "the body" }), { headers: { "X-More": "1" } });
  assert.equal(answer.status, 200);
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-0", "Bearer access-1"]);
  for (const request of server.to("/api")) assert.deepEqual([request.body, request.headers["x-more"]], ["the body", "1"]);
});

test("an API that refuses every token is asked twice, not for ever", async (t) => {
  const { server, auth, url } = await loggedIn(t, () => problem(401, "invalid_token"));
  assert.equal((await auth.authFetch(url)).status, 401);
  assert.equal(server.to("/api").length, 2);
  assert.equal(server.to("/auth/refresh").length, 1);
  assert.equal(auth.isLoggedIn(), true);
});

test("a role that was taken away: the stale token is renewed once, and the refusal of the new one stands", async (t) => {
  const { server, auth, url } = await loggedIn(t, (token) =>
    token === "access-0" ? problem(401, "token_stale") : problem(403, "role_required"),
  );
  const answer = await auth.authFetch(url);
  assert.deepEqual([answer.status, (await answer.json()).code], [403, "role_required"]);
  assert.equal((await auth.authFetch(url)).status, 403);
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-0", "Bearer access-1", "Bearer access-1"]);
  assert.equal(server.to("/auth/refresh").length, 1);
  assert.equal(auth.isLoggedIn(), true);
});

test("calls that are refused at the same time share one refresh", async (t) => {
  const { server, auth, url } = await loggedIn(t, (token) => (token === "access-0" ? problem(401, "token_expired") : [200, {}]));
  const answers = await Promise.all(Array.from({ length: 5 }, () => auth.authFetch(url)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
  assert.equal(server.to("/auth/refresh").length, 1);
});

test("a call that was refused with a token renewed meanwhile uses the new one", async (t) => {
  const { server, auth, url } = await loggedIn(t, async (token) => {
    if (token !== "access-0") return [200, {}];
    await auth.refreshAccess();
    return problem(401, "token_expired");
  });
  assert.equal((await auth.authFetch(url)).status, 200);
  assert.equal(server.to("/auth/refresh").length, 1);
});

test("where the session is over, the answer 401 is what the caller gets", async (t) => {
  const { server, auth, url } = await loggedIn(t, () => problem(401, "token_expired"));
  server.script["POST /auth/refresh"] = () => problem(401, "session_ended", { reason: "revoked" });
  assert.equal((await auth.authFetch(url)).status, 401);
  assert.equal(server.to("/api").length, 1);
  assert.equal(auth.isLoggedIn(), false);
});

test("where nobody can tell, the call fails and nobody is logged out", async (t) => {
  const { server, auth, url } = await loggedIn(t, () => problem(401, "token_expired"));
  server.script["POST /auth/refresh"] = () => problem(503, "unavailable");
  await assert.rejects(auth.authFetch(url), { code: "unavailable" });
  assert.equal(auth.isLoggedIn(), true);
});

test("a call that is forbidden is not made again", async (t) => {
  const { server, auth, url } = await loggedIn(t, () => problem(403, "role_required"));
  assert.equal((await auth.authFetch(url)).status, 403);
  assert.equal(server.to("/api").length, 1);
});

test("who is not logged in calls without a token, and once", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "GET /api": () => problem(401, "missing_token") });
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
  assert.equal((await auth.authFetch(`${server.url}/api`)).status, 401);
  assert.deepEqual(bearers(server, "/api"), [undefined]);
});

test("no other origin gets a token", async (t) => {
  const { server, auth } = await loggedIn(t, () => [200, {}]);
  const foreign = await scriptedServer(t, { "GET /api": () => [200, {}] });
  for (const url of [`${foreign.url}/api`, server.url.replace("127.0.0.1", "localhost")]) {
    await assert.rejects(auth.authFetch(url), TypeError);
  }
  assert.equal(foreign.to("/api").length, 0);
});

test("cookies stay at home, unless they are asked for", async (t) => {
  const { auth, url } = await loggedIn(t, () => [200, {}]);
  const sent = t.mock.method(globalThis, "fetch");
  await auth.authFetch(url);
  await auth.authFetch(url, { credentials: "include" });
  assert.deepEqual(sent.mock.calls.map((call) => call.arguments[0].credentials), ["omit", "include"]);
});
