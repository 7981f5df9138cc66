// Servers that render pages load auth.js, too. Node.js has no location, document or localStorage.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { scriptedServer } from "./scripted-server.mjs";

for (const options of [undefined, {}, { authUrl: "https://auth.example.org" }, { authUrl: "/idp", apiOrigins: ["/"] }]) {
  test(`outside of pages, a client with ${JSON.stringify(options)} is loading, as the page will be`, async () => {
    assert.deepEqual([typeof location, typeof document], ["undefined", "undefined"]);
    const auth = createAuthClient(options);
    auth.subscribe(() => assert.fail("nothing changes"))();
    assert.deepEqual(auth.state, { status: "loading", user: null });
    assert.equal(await auth.ready, auth.state);
    assert.deepEqual([auth.hasRole("admin"), auth.claims(), await auth.accessToken()], [false, null, null]);
  });
}

test("outside of pages, calls that need a session say what they require", async (t) => {
  const sent = t.mock.method(globalThis, "fetch");
  const auth = createAuthClient({ authUrl: "https://auth.example.org" });
  const calls = [() => auth.login({}), () => auth.register({}), () => auth.refreshAccess(), () => auth.logout()];
  for (const call of calls) await assert.rejects(call, { message: /Outside of web pages.*"body"/ });
  await assert.rejects(auth.events(), { code: "session_ended" });
  assert.deepEqual([auth.state.status, sent.mock.callCount()], ["loading", 0]);
});

test("outside of pages, authFetch calls APIs without a token", async (t) => {
  const server = await scriptedServer(t, { "GET /api": () => [200, {}] });
  const auth = createAuthClient({ authUrl: "https://auth.example.org", apiOrigins: [server.url] });
  assert.equal((await auth.authFetch(`${server.url}/api`)).status, 200);
  assert.equal(server.to("/api")[0].headers.authorization, undefined);
});
