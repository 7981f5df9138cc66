// axios with the client of the page, in Node.js.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { installClient } from "./packages.mjs";
import { extract } from "./page.mjs";
import { startServer, startStack } from "./stack.mjs";

const ANN = { email: "ann@example.org", password: "correct horse battery staple" };

/** The page's files. Node.js has no cookies. */
async function start(name, stack, api) {
  const changes = {
    "http://localhost:8080": stack.url,
    "http://localhost:8081": api,
    "createAuthClient({ ": 'createAuthClient({ tokenDelivery: "body", ',
  };
  const folder = await extract("axios", changes, name);
  await installClient(folder);
  return Promise.all(["api.js", "hello.js"].map((file) => import(`${folder}/${file}`)));
}

test("axios: calls have the token of the session", async (t) => {
  const stack = await startStack(t);
  await stack.user("Ann");
  const api = await startServer(t, [process.execPath, "server.js"], { cwd: await extract("express"), env: { ISSUER: stack.url } });
  const [{ auth }, { hello }] = await start("axios-session", stack, api);
  assert.equal(await hello(), "missing_token");
  await auth.login(ANN);
  assert.equal(await hello(), "Hello Ann");
  assert.equal(await hello("/admin"), "role_required");
  await auth.logout();
  assert.equal(await hello(), "missing_token");
});

test("axios: a rejected token is renewed, and the call repeated with its body", async (t) => {
  const stack = await startStack(t);
  await stack.user("Ann");
  const calls = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    calls.push([request.headers.authorization, body]);
    const status = calls.length === 1 ? 401 : 200;
    response.writeHead(status, { "Content-Type": "application/json" }).end('{ "message": "Hello" }');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const [{ api, auth }] = await start("axios-renewal", stack, `http://127.0.0.1:${server.address().port}`);
  await auth.login(ANN);
  const { data } = await api.post("/notes", { text: "buy milk" });
  assert.equal(data.message, "Hello");
  assert.equal(calls.length, 2);
  const [[first, sent], [second, repeated]] = calls;
  assert.match(first, /^Bearer /);
  assert.notEqual(first, second);
  assert.deepEqual([sent, repeated], Array(2).fill('{"text":"buy milk"}'));
});
