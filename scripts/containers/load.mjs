// Requests at a constant rate, as clients send them: those that get no verdict are repeated, a refresh with the same
// Idempotency-Key. Runs until SIGTERM, prints one line of JSON, and exits with 1 if a request failed for good.
//
//   AUTH_URL=… API_URL=… CA_FILE=… REQUESTS_PER_SECOND=200 node load.mjs
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

const { AUTH_URL, API_URL, CA_FILE, REQUESTS_PER_SECOND } = process.env;
const PASSWORD = "correct horse battery staple";
/** Registrations count against the limit of attempts of an address. */
const SESSIONS = 20;
/** One of so many requests is a refresh, and one of so many a login. */
const REFRESH_EVERY = 5;
const LOGIN_EVERY = 100;
const REPEAT_MS = 200;
const GIVE_UP_MS = 20_000;
/** The server could not decide. */
const NO_VERDICT = [502, 503, 504];

const agent = new Agent({
  keepAlive: true,
  ca: readFileSync(CA_FILE),
  lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
});
const counts = { requests: 0, refreshes: 0, logins: 0, healed: 0, failed: 0 };
const failures = [];
let longest = 0;

/** @returns {Promise<{ status: number, body: any }>} status 0: no response */
function call(method, url, headers = {}, body) {
  return new Promise((resolve) => {
    const data = body && JSON.stringify(body);
    const sent = request(url, { method, agent, timeout: 10_000, headers: data ? { ...headers, "Content-Type": "application/json", "Content-Length": Buffer.byteLength(data) } : headers });
    const fail = ({ message }) => resolve({ status: 0, body: message });
    sent.on("error", fail).on("timeout", () => sent.destroy(new Error("timeout")));
    sent.on("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("error", fail);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /json/.test(response.headers["content-type"]);
        resolve({ status: response.statusCode, body: isJson ? JSON.parse(text) : text });
      });
    });
    sent.end(data);
  });
}

/** Repeats a call until there is a verdict. @returns its response with status 200 or 201, or undefined */
async function insist(...call_) {
  const started = performance.now();
  counts.requests += 1;
  let response = await call(...call_);
  const first = response.status;
  while ((response.status === 0 || NO_VERDICT.includes(response.status)) && performance.now() - started < GIVE_UP_MS) {
    await sleep(REPEAT_MS);
    response = await call(...call_);
  }
  longest = Math.max(longest, performance.now() - started);
  if (![200, 201].includes(response.status)) {
    counts.failed += 1;
    failures.push(`${call_[0]} ${call_[1]}: first ${first}, then ${response.status} ${JSON.stringify(response.body)}`);
    return undefined;
  }
  if (response.status !== first) counts.healed += 1;
  return response;
}

class Session {
  constructor(number) {
    this.user = { email: `load${number}-${randomUUID()}@example.org`, password: PASSWORD };
  }

  async register() {
    this.#take(await insist("POST", `${AUTH_URL}/auth/register`, {}, { ...this.user, token_delivery: "body" }));
  }

  async refresh() {
    // One after the other: the next request needs the token of this one.
    if (this.isBusy) return this.read();
    this.isBusy = true;
    counts.refreshes += 1;
    const generation = this.rotation + 1;
    this.#take(await insist("POST", `${AUTH_URL}/auth/refresh`, { "Idempotency-Key": randomUUID() }, { refresh_token: this.refreshToken }));
    if (this.rotation !== generation) failures.push(`rotation ${this.rotation} instead of ${generation}`);
    this.isBusy = false;
  }

  async login() {
    counts.logins += 1;
    await insist("POST", `${AUTH_URL}/auth/login`, {}, { ...this.user, token_delivery: "body" });
  }

  async read() {
    await insist("GET", `${API_URL}/protected`, { Authorization: `Bearer ${this.accessToken}` });
  }

  #take(response) {
    if (!response) return;
    this.accessToken = response.body.access_token;
    this.refreshToken = response.body.refresh_token;
    this.rotation = response.body.rotation;
  }
}

const sessions = Array.from({ length: SESSIONS }, (_, number) => new Session(number));
for (const session of sessions) await session.register();

let stopped = false;
process.on("SIGTERM", () => (stopped = true));
const started = performance.now();
const pending = new Set();
for (let number = 0; !stopped; number += 1) {
  const [kind, every] = number % LOGIN_EVERY === 0 ? ["login", LOGIN_EVERY] : [number % REFRESH_EVERY === 1 ? "refresh" : "read", REFRESH_EVERY];
  // All sessions in turn: a user has a limit of logins.
  const running = sessions[Math.floor(number / every) % SESSIONS][kind]().finally(() => pending.delete(running));
  pending.add(running);
  const due = started + (number * 1000) / REQUESTS_PER_SECOND;
  if (due > performance.now()) await sleep(due - performance.now());
}
await Promise.all(pending);
const seconds = (performance.now() - started) / 1000;
for (const failure of failures.slice(0, 20)) console.error(failure);
console.log(JSON.stringify({ ...counts, seconds: Math.round(seconds), per_second: Math.round(counts.requests / seconds), longest_ms: Math.round(longest) }));
process.exit(failures.length ? 1 : 0);
