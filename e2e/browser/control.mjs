// Controls the fault proxy and the servers' clock: see e2e/tests/e2e/browser/control.rs. Calls the auth server directly.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export const authUrl = process.env.AUTH_URL;
export const apiUrl = process.env.API_URL;
export const refreshPath = "/auth/refresh";

export const ann = { name: "Ann", email: "ann@example.org", password: "correct horse battery staple" };

async function control(method, command, query = {}) {
  const response = await fetch(`${process.env.CONTROL_URL}/${command}?${new URLSearchParams(query)}`, { method });
  assert.equal(response.status, 200, `${method} /${command}`);
  return response.json();
}

export const loseResponses = (path, count) => control("POST", "lose-responses", { path, count });
export const refuse = (path) => control("POST", "refuse", { path });
export const allow = (path) => control("POST", "allow", { path });
export const hold = (path) => control("POST", "hold", { path });
export const release = (path) => control("POST", "release", { path });
export const stopServer = () => control("POST", "stop");
export const startServer = () => control("POST", "start");
export const advanceServers = (seconds) => control("POST", "advance", { seconds });

/** In milliseconds since 1970. Servers without a control URL use the system's clock. */
export const serverTime = () => (process.env.CONTROL_URL ? advanceServers(0) : Date.now());

/** The requests to this path so far: `"200 passed"`, `"200 lost"`, `"503 refused"`. All methods unless one is given. */
export async function log(path, method) {
  const entries = await control("GET", "log");
  const matches = (entry) => entry.path === path && (!method || entry.method === method);
  return entries.filter(matches).map((entry) => `${entry.status} ${entry.fate}`);
}

/** The refreshes so far, without the preflights of other origins. */
export const refreshes = () => log(refreshPath, "POST");

/** How long an event may take on a busy machine. */
export const PATIENCE_MS = 30_000;

/** Polls `check` until it returns a truthy value, and returns that. */
export async function waitFor(what, check) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(20)) {
    const value = await check();
    if (value) return value;
  }
  assert.fail(`timed out after ${PATIENCE_MS} ms: ${what}`);
}

/** Posts without a browser. `token` is a refresh token. */
export async function post(path, body, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(authUrl + path, { method: "POST", headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.status === 204 ? null : response.json();
}
