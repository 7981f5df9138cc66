// Streams open with a valid token, stay open with a new one, and close at expiry and revocation.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { createAuthClient } from "../../web/client/auth.js";
import { rejectedTokens } from "./api.mjs";
import { extract } from "./page.mjs";
import { startServer, startStack } from "./stack.mjs";

/** Less than the leeway of 5 s: accepted, and the stream ends at once. */
const EXPIRED_A_MOMENT_AGO = () => ({ exp: Math.floor(Date.now() / 1000) - 2 });
const folder = await extract("websocket-sse");
globalThis.WebSocket ??= WebSocket; // Node.js 20 has none

async function start(t) {
  const stack = await startStack(t);
  const env = { ISSUER: stack.url, REVOCATION_FEED_TOKEN: stack.feedToken };
  const url = await startServer(t, [process.execPath, "server.js"], { cwd: folder, env });
  const ann = await stack.user("Ann");
  // The first response of the feed.
  for (let end = Date.now() + 10_000; (await events(url, ann.access_token)).status === 503; await sleep(20)) {
    assert.ok(Date.now() < end, "the API follows the revocation feed");
  }
  return { stack, url, ann };
}

const events = (url, token) => fetch(`${url}/events`, { headers: token && { Authorization: `Bearer ${token}` } });

/** Opens a socket and sends a token: `messages` and, once closed, the `code`. */
async function open(url, token) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/live`);
  const messages = [];
  socket.on("message", (data) => messages.push(JSON.parse(data)));
  const closed = once(socket, "close").then(([code]) => code);
  await once(socket, "open");
  socket.send(JSON.stringify({ token }));
  return { socket, messages, closed };
}

test("server-sent events: require a valid token, and end at expiry and revocation", async (t) => {
  const { stack, url, ann } = await start(t);
  assert.equal((await events(url)).status, 401);
  for (const [what, token] of await rejectedTokens(stack)) assert.equal((await events(url, token)).status, 401, what);
  assert.match(await (await events(url, await stack.sign(EXPIRED_A_MOMENT_AGO()))).text(), /"Hello Ann"/);

  const stream = await events(url, ann.access_token);
  await stack.post("/auth/logout", {}, { Authorization: `Bearer ${ann.refresh_token}` });
  assert.match(await stream.text(), /"Hello Ann"/);
  assert.equal((await (await events(url, ann.access_token)).json()).code, "session_ended");
});

test("WebSocket: requires a valid token, accepts a new one, and closes at expiry and revocation", async (t) => {
  const { stack, url, ann } = await start(t);
  for (const [what, token] of [["none", undefined], ...(await rejectedTokens(stack))]) {
    const { messages, closed } = await open(url, token);
    assert.deepEqual([await closed, messages], [4401, []], what);
  }
  assert.equal(await (await open(url, await stack.sign(EXPIRED_A_MOMENT_AGO()))).closed, 4401);

  const live = await open(url, ann.access_token);
  await once(live.socket, "message");
  live.socket.send(JSON.stringify("Good morning"));
  await once(live.socket, "message");
  assert.deepEqual(live.messages, [{ message: "Hello Ann" }, { from: "Ann", message: "Good morning" }]);
  await stack.post("/auth/logout", {}, { Authorization: `Bearer ${ann.refresh_token}` });
  assert.equal(await live.closed, 4401);

  const soon = Math.floor(Date.now() / 1000) + 1;
  const user = { sub: ann.user.id };
  const renewed = await open(url, await stack.sign({ ...user, exp: soon }));
  renewed.socket.send(JSON.stringify({ token: await stack.sign(user) }));
  await sleep(soon * 1000 + 300 - Date.now());
  assert.equal(renewed.socket.readyState, WebSocket.OPEN);
  renewed.socket.send(JSON.stringify({ token: await stack.sign() }));
  assert.equal(await renewed.closed, 4401, "the token of another user");
});

test("the page's functions open both streams, and stop when the session has ended", async (t) => {
  const { stack, url } = await start(t);
  const [{ openEvents }, { openLive }] = await Promise.all(["events.js", "live.js"].map((file) => import(`${folder}/${file}`)));
  const auth = createAuthClient({ authUrl: stack.url, apiOrigins: [url], tokenDelivery: "body" });
  await auth.login({ email: "ann@example.org", password: "correct horse battery staple" });
  const received = await Promise.all(
    [[openEvents, `${url}/events`], [openLive, `${url.replace("http", "ws")}/live`]].map(
      ([open, address]) => new Promise((resolve) => t.after(open(auth, address, resolve))),
    ),
  );
  assert.deepEqual(received, [{ message: "Hello Ann" }, { message: "Hello Ann" }]);

  // The server closes the socket, and the page looks for a new token.
  const refreshed = new Promise((resolve) => {
    const { refreshAccess } = auth;
    auth.refreshAccess = () => refreshAccess().finally(resolve);
  });
  const sessionEnded = new Promise((resolve) => auth.on("session-ended", resolve));
  const elsewhere = await stack.logIn("ann@example.org");
  await stack.post("/auth/logout-all", {}, { Authorization: `Bearer ${elsewhere.refresh_token}` });
  await refreshed;
  assert.equal((await sessionEnded).reason, "logged_out");
});
