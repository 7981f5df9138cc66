// The fault proxy's controls (see e2e/tests/e2e/browser/control.rs), and what happens elsewhere than in the browser.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export const authUrl = process.env.AUTH_URL;
export const apiUrl = process.env.API_URL;
export const refreshPath = "/auth/refresh";

export const person = { name: "Ann", email: "ann@example.org", password: "correct horse battery staple" };

async function control(method, call, query = {}) {
  const answer = await fetch(`${process.env.CONTROL_URL}/${call}?${new URLSearchParams(query)}`, { method });
  assert.equal(answer.status, 200, `${method} /${call}`);
  return answer.json();
}

export const loseAnswers = (path, count) => control("POST", "lose-answers", { path, count });
export const refuse = (path) => control("POST", "refuse", { path });
export const allow = (path) => control("POST", "allow", { path });
export const hold = (path) => control("POST", "hold", { path });
export const release = (path) => control("POST", "release", { path });
export const advanceServers = (seconds) => control("POST", "advance", { seconds });

/** What has passed for this path: `"200 passed"`, `"200 lost"`, `"503 refused"`. */
export async function log(path) {
  const all = await control("GET", "log");
  return all.filter((one) => one.path === path).map((one) => `${one.status} ${one.fate}`);
}

/** What `/auth/refresh` has answered so far. */
export const refreshes = () => log(refreshPath);

/** Waits until `look` returns something true, and returns it. For what a person would see a moment later. */
export async function until(what, look) {
  for (const end = Date.now() + 5000; Date.now() < end; await sleep(20)) {
    const seen = await look();
    if (seen) return seen;
  }
  assert.fail(`${what}: waited for 5 s in vain`);
}

/** Posts as a program would that is no browser; with `token`, as whoever owns that refresh token. */
export async function post(path, body, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(authUrl + path, { method: "POST", headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}
