import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { browser, clock, isSignedIn } from "./browser.mjs";
import { problem, scriptedServer, tokens } from "./scripted-server.mjs";

const bearers = (server, path) => server.to(path).map((request) => request.headers.authorization);

/** A signed-in client, and an API that responds with `api(token, request)`. */
async function signedIn(t, api) {
  browser(t);
  let rotation = 0;
  const handler = (request) => api(request.headers.authorization?.replace("Bearer ", ""), request);
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0),
    "POST /auth/refresh": () => tokens((rotation += 1)),
    "GET /api": handler,
    "POST /api": handler,
  });
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
  await auth.login({});
  return { server, auth, url: `${server.url}/api` };
}

test("a call carries the token", async (t) => {
  const { server, auth, url } = await signedIn(t, () => [200, { ok: true }]);
  assert.deepEqual(await (await auth.authFetch(url)).json(), { ok: true });
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-0"]);
});

test("a token that is about to expire is renewed first", async (t) => {
  const advance = clock(t);
  const { server, auth, url } = await signedIn(t, () => [200, {}]);
  advance(60_000);
  await auth.authFetch(url);
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-1"]);
});

test("a rejected token is renewed and the call is repeated with its body", async (t) => {
  const { server, auth, url } = await signedIn(t, (token) => (token === "access-0" ? problem(401, "token_expired") : [200, {}]));
  const response = await auth.authFetch(new Request(url, { method: "POST", body: "the body" }), { headers: { "X-More": "1" } });
  assert.equal(response.status, 200);
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-0", "Bearer access-1"]);
  for (const request of server.to("/api")) assert.deepEqual([request.body, request.headers["x-more"]], ["the body", "1"]);
});

test("an API that rejects every token is called twice only", async (t) => {
  const { server, auth, url } = await signedIn(t, () => problem(401, "invalid_token"));
  assert.equal((await auth.authFetch(url)).status, 401);
  assert.equal(server.to("/api").length, 2);
  assert.equal(server.to("/auth/refresh").length, 1);
  assert.equal(isSignedIn(auth), true);
});

test("after a role was removed, the stale token is renewed once and the 403 is returned", async (t) => {
  const { server, auth, url } = await signedIn(t, (token) =>
    token === "access-0" ? problem(401, "token_stale") : problem(403, "role_required"),
  );
  const response = await auth.authFetch(url);
  assert.deepEqual([response.status, (await response.json()).code], [403, "role_required"]);
  assert.equal((await auth.authFetch(url)).status, 403);
  assert.deepEqual(bearers(server, "/api"), ["Bearer access-0", "Bearer access-1", "Bearer access-1"]);
  assert.equal(server.to("/auth/refresh").length, 1);
  assert.equal(isSignedIn(auth), true);
});

test("calls that are rejected at the same time share one refresh", async (t) => {
  const { server, auth, url } = await signedIn(t, (token) => (token === "access-0" ? problem(401, "token_expired") : [200, {}]));
  const responses = await Promise.all(Array.from({ length: 5 }, () => auth.authFetch(url)));
  assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200, 200, 200]);
  assert.equal(server.to("/auth/refresh").length, 1);
});

test("a rejected call uses the token that was renewed meanwhile", async (t) => {
  const { server, auth, url } = await signedIn(t, async (token) => {
    if (token !== "access-0") return [200, {}];
    await auth.refreshAccess();
    return problem(401, "token_expired");
  });
  assert.equal((await auth.authFetch(url)).status, 200);
  assert.equal(server.to("/auth/refresh").length, 1);
});

test("after the session has ended, the caller gets the 401", async (t) => {
  const { server, auth, url } = await signedIn(t, () => problem(401, "token_expired"));
  server.script["POST /auth/refresh"] = () => problem(401, "session_ended", { reason: "revoked" });
  assert.equal((await auth.authFetch(url)).status, 401);
  assert.equal(server.to("/api").length, 1);
  assert.equal(isSignedIn(auth), false);
});

test("if the refresh fails, the call fails and the user stays signed in", async (t) => {
  const { server, auth, url } = await signedIn(t, () => problem(401, "token_expired"));
  server.script["POST /auth/refresh"] = () => problem(503, "unavailable");
  await assert.rejects(auth.authFetch(url), { code: "unavailable" });
  assert.equal(isSignedIn(auth), true);
});

test("a 403 is not retried", async (t) => {
  const { server, auth, url } = await signedIn(t, () => problem(403, "role_required"));
  assert.equal((await auth.authFetch(url)).status, 403);
  assert.equal(server.to("/api").length, 1);
});

test("without a session, the call is made once and without a token", async (t) => {
  browser(t);
  const server = await scriptedServer(t, { "GET /api": () => problem(401, "missing_token") });
  const auth = createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
  assert.equal((await auth.authFetch(`${server.url}/api`)).status, 401);
  assert.deepEqual(bearers(server, "/api"), [undefined]);
});

test("other origins get no token", async (t) => {
  const { server, auth } = await signedIn(t, () => [200, {}]);
  const foreign = await scriptedServer(t, { "GET /api": () => [200, {}] });
  for (const url of [`${foreign.url}/api`, server.url.replace("127.0.0.1", "localhost")]) {
    await assert.rejects(auth.authFetch(url), TypeError);
  }
  assert.equal(foreign.to("/api").length, 0);
});

test("cookies are sent only if requested", async (t) => {
  const { auth, url } = await signedIn(t, () => [200, {}]);
  const sent = t.mock.method(globalThis, "fetch");
  const calls = [
    [[url], "omit"],
    [[url, { credentials: undefined }], "omit"],
    [[url, { credentials: "include" }], "include"],
    [[new URL(url)], "omit"],
    [[new Request(url)], "omit"],
    [[new Request(url), { credentials: "same-origin" }], "same-origin"],
    [[new Request(url, { credentials: "include" })], "include"],
    [[new Request(url, { credentials: "include" }), {}], "include"],
    [[new Request(url, { credentials: "include" }), { credentials: "omit" }], "omit"],
  ];
  for (const [input] of calls) await auth.authFetch(...input);
  assert.deepEqual(sent.mock.calls.map((call) => call.arguments[0].credentials), calls.map(([, expected]) => expected));
});

test("the options of a Request are kept, and init overrides them as with fetch", async (t) => {
  const { auth, url } = await signedIn(t);
  const sent = t.mock.method(globalThis, "fetch", async () => new Response());
  const options = {
    method: "POST",
    body: "the body",
    headers: { "X-More": "1" },
    mode: "same-origin",
    cache: "no-store",
    redirect: "manual",
    referrerPolicy: "no-referrer",
    integrity: "sha256-x",
    keepalive: true,
  };
  await auth.authFetch(new Request(url, options));
  await auth.authFetch(url, options);
  await auth.authFetch(new Request(url, options), { headers: { "X-Other": "2" }, mode: "cors", body: "another" });
  const [kept, given, overridden] = sent.mock.calls.map((call) => call.arguments[0]);
  const { body, headers, ...rest } = options;
  for (const [name, value] of Object.entries(rest)) {
    assert.deepEqual([kept[name], given[name]], [value, value], name);
    assert.equal(overridden[name], name === "mode" ? "cors" : value, name);
  }
  const contents = async (request) => [
    await request.text(),
    ...["x-more", "x-other", "authorization"].map((name) => request.headers.get(name)),
  ];
  for (const request of [kept, given]) {
    assert.deepEqual(await contents(request), ["the body", "1", null, "Bearer access-0"]);
  }
  assert.deepEqual(await contents(overridden), ["another", null, "2", "Bearer access-0"]);
});

for (const form of ["init", "Request"]) {
  const start = (auth, url, signal) =>
    form === "init" ? auth.authFetch(url, { signal }) : auth.authFetch(new Request(url, { signal }));

  test(`a call whose signal (${form}) is aborted during a renewal rejects at once; the renewal continues`, async (t) => {
    const advance = clock(t);
    const { server, auth, url } = await signedIn(t, () => [200, {}]);
    let respond;
    server.script["POST /auth/refresh"] = () => new Promise((resolve) => (respond = () => resolve(tokens(1))));
    advance(60_000);
    const [stop, reason] = [new AbortController(), new Error("the user left")];
    const aborted = start(auth, url, stop.signal);
    const other = auth.authFetch(url);
    while (!respond) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(reason);
    await assert.rejects(aborted, reason);
    assert.equal(server.to("/api").length, 0);

    respond();
    assert.equal((await other).status, 200);
    assert.equal(server.to("/auth/refresh").length, 1);
  });

  test(`a call whose signal (${form}) is aborted while a rejected token is replaced rejects at once`, async (t) => {
    const { server, auth, url } = await signedIn(t, () => problem(401, "token_expired"));
    const stop = new AbortController();
    server.script["POST /auth/refresh"] = () => (stop.abort(), new Promise(() => {}));
    await assert.rejects(start(auth, url, stop.signal), { name: "AbortError" });
    assert.equal(server.to("/api").length, 1);
  });

  test(`a call whose signal (${form}) is already aborted makes no request`, async (t) => {
    const advance = clock(t);
    const { server, auth, url } = await signedIn(t, () => [200, {}]);
    advance(60_000);
    await assert.rejects(start(auth, url, AbortSignal.abort()), { name: "AbortError" });
    assert.deepEqual([server.to("/auth/refresh"), server.to("/api")], [[], []]);
  });
}
