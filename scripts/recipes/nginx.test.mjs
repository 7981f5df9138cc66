// Debian's nginx with the configuration of the recipe, in front of a resource server and another server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { rejectedTokens, until } from "./api.mjs";
import { extract } from "./page.mjs";
import { startServer, startStack } from "./stack.mjs";

const resourceServer = join(dirname(process.env.AUTH_SERVER), "resource-server");
/** A single process without the rights of root. */
const MAIN = (folder) => `
daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { }
http {
  access_log off;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  include latchkey.conf;
}`;

test("nginx: only requests with a valid token reach the server behind it", async (t) => {
  const stack = await startStack(t);
  const api = await startServer(t, [resourceServer, "--bind-addr", "127.0.0.1:{port}"], { env: { ISSUER: stack.url, AUDIENCE: "api" } });
  const received = [];
  const app = createServer((request, response) => {
    received.push(request.headers);
    response.end("for users");
  }).listen(0, "127.0.0.1");
  await once(app, "listening");
  t.after(() => (app.closeAllConnections(), app.close()));

  /** nginx, which asks the resource server at this address. */
  const start = async (verifier) => {
    const folder = await extract("nginx", {
      "127.0.0.1:8081": verifier,
      "127.0.0.1:3000": `127.0.0.1:${app.address().port}`,
      "listen 9000": "listen 127.0.0.1:PORT",
    });
    await writeFile(join(folder, "nginx.conf"), MAIN(folder));
    const run = "sed -i s/PORT/$PORT/ latchkey.conf && PATH=$PATH:/usr/sbin exec nginx -p . -c $PWD/nginx.conf -e stderr";
    return startServer(t, ["sh", "-c", run], { cwd: folder });
  };
  const get = (url, token, headers = {}) => {
    received.length = 0;
    return fetch(url, { headers: { ...(token && { Authorization: `Bearer ${token}` }), ...headers } });
  };
  const assertRejected = async (url, token, status, code, what = code) => {
    const response = await get(url, token);
    assert.deepEqual([response.status, (await response.json()).code], [status, code], what);
    assert.equal(response.headers.get("Content-Type"), "application/problem+json", what);
    if (status === 401) assert.match(response.headers.get("WWW-Authenticate") ?? "", /^Bearer\b/, what);
    assert.equal(received.length, 0, what);
  };

  const url = await start(api.replace("http://localhost:", "127.0.0.1:"));
  const [ann, root] = [await stack.user("Ann"), await stack.user("Root", "admin")];
  await until(async () => (await fetch(`${api}/readyz`)).ok);

  assert.equal(await (await get(`${url}/`, ann.access_token, { "X-User-Id": root.user.id, X_User_Id: "x" })).text(), "for users");
  const [{ "x-user-id": id, "x-user-roles": roles, ...others }] = received;
  assert.deepEqual([id, roles], [ann.user.id, "-"], "the headers of the client are replaced");
  assert.deepEqual([others.authorization, others.x_user_id], [undefined, undefined]);
  assert.equal((await get(`${url}/admin`, root.access_token)).status, 200);
  assert.equal(received[0]["x-user-roles"], "admin");

  await assertRejected(`${url}/admin`, ann.access_token, 403, "role_required");
  for (const path of ["/", "/admin"]) {
    await assertRejected(url + path, undefined, 401, "missing_token");
    for (const [what, token, code] of await rejectedTokens(stack)) await assertRejected(url + path, token, 401, code, what);
  }
  for (const path of ["/latchkey/verify", "/latchkey/verify-admin"]) assert.equal((await get(url + path, ann.access_token)).status, 404, path);
  await assertRejected(`${await start("127.0.0.1:1")}/`, ann.access_token, 503, "unavailable");
});
