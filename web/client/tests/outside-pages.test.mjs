// Servers that render pages load auth.js, too. Node.js has no location, document or localStorage.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuthClient } from "../auth.js";
import { scriptedServer } from "./scripted-server.mjs";

for (const options of [undefined, {}, { authUrl: "https://auth.example.org" }, { authUrl: "/idp", apiOrigins: ["/"] }]) {
  test(`outside of pages, a client with ${JSON.stringify(options)} shows that no user is signed in`, async () => {
    assert.deepEqual([typeof location, typeof document], ["undefined", "undefined"]);
    const auth = createAuthClient(options);
    auth.onChange(() => assert.fail("nothing changes"))();
    assert.deepEqual([auth.isLoggedIn(), auth.user(), await auth.accessToken()], [false, null, null]);
  });
}

test("outside of pages, calls that need a session say what they require", async (t) => {
  const sent = t.mock.method(globalThis, "fetch");
  const auth = createAuthClient({ authUrl: "https://auth.example.org" });
  const calls = [() => auth.login({}), () => auth.register({}), () => auth.refreshAccess(), () => auth.logout()];
  for (const call of calls) await assert.rejects(call, { message: /requires a web page or a worker.*"body"/ });
  await assert.rejects(auth.events(), { code: "session_ended" });
  assert.deepEqual([auth.isLoggedIn(), sent.mock.callCount()], [false, 0]);
});

test("outside of pages, authFetch calls APIs without a token", async (t) => {
  const server = await scriptedServer(t, { "GET /api": () => [200, {}] });
  const auth = createAuthClient({ authUrl: "https://auth.example.org", apiOrigins: [server.url] });
  assert.equal((await auth.authFetch(`${server.url}/api`)).status, 200);
  assert.equal(server.to("/api")[0].headers.authorization, undefined);
});
