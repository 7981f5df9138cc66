// The session of the recipe for mobile applications, with the secure storage of a test.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { startGreeter, startLossyProxy } from "./lossy.mjs";
import { extract } from "./page.mjs";
import { startStack } from "./stack.mjs";

test("mobile: the session survives restarts, lost responses and outages", async (t) => {
  // Without a grace period, every mistake ends the session at once.
  const stack = await startStack(t, { REFRESH_REUSE_GRACE: "0s" });
  const [auth, api] = [await startLossyProxy(t, stack.url), await startGreeter(t)];
  await stack.user("Ann");
  process.env.EXPO_PUBLIC_AUTH_URL = auth.url;
  const folder = await extract("mobile");
  const device = (globalThis.secureStorage = new Map());
  await writePackage(folder, "expo-crypto", "export const randomUUID = () => crypto.randomUUID();");
  await writePackage(folder, "expo-secure-store", `
    const storage = globalThis.secureStorage;
    export const getItemAsync = async (name) => storage.get(name) ?? null;
    export const setItemAsync = async (name, value) => void storage.set(name, value);
    export const deleteItemAsync = async (name) => void storage.delete(name);
  `);
  let starts = 0;
  const start = () => import(`${pathToFileURL(join(folder, "session.js"))}?${(starts += 1)}`);
  const greets = async (app) => {
    const response = await app.authFetch(`${api.url}/protected`);
    return (await response.json()).message === "Hello Ann";
  };

  let app = await start();
  assert.equal(await app.restore(), false);
  await assert.rejects(app.login("ann@example.org", "wrong"), { status: 401, code: "invalid_credentials" });
  assert.equal((await app.login("ann@example.org", "correct horse battery staple")).name, "Ann");
  assert.ok(await greets(app));
  assert.equal(auth.refreshes(), 0);
  assert.doesNotMatch([...device.values()].join(), /at\+jwt|access/, "the access token is in memory only");

  api.rejectLast();
  const calls = await Promise.all(Array.from({ length: 5 }, () => greets(app)));
  assert.deepEqual([calls.every(Boolean), auth.refreshes()], [true, 1], "one refresh at a time");

  app = await start();
  assert.equal(await app.restore(), true);
  assert.ok(await greets(app), "after a restart");

  for (const fate of ["lose", "fail"]) {
    app = await start();
    auth.next = fate;
    await assert.rejects(greets(app), ({ status }) => status === (fate === "lose" ? 0 : 503));
    assert.equal(await app.restore(), true, "the user stays signed in");
    // The operating system has killed the application.
    app = await start();
    assert.ok(await greets(app), `after the response to ${fate}`);
    api.rejectLast();
    assert.ok(await greets(app), "each new token is stored");
  }

  const { refreshToken } = JSON.parse([...device.values()][0]);
  await stack.post("/auth/logout", { refresh_token: refreshToken });
  app = await start();
  await assert.rejects(greets(app), { status: 401, code: "session_ended", reason: "logged_out" });
  assert.deepEqual([await app.restore(), device.size], [false, 0]);

  await app.login("ann@example.org", "correct horse battery staple");
  await app.logout();
  assert.deepEqual([await app.restore(), device.size], [false, 0]);
});

async function writePackage(folder, name, text) {
  const package_ = join(folder, "node_modules", name);
  await mkdir(package_, { recursive: true });
  await writeFile(join(package_, "index.js"), text);
  await writeFile(join(package_, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }));
}
