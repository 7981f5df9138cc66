// An auth server for tests. Its key set also contains a key of the tests, which sign tokens that break one rule each.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as send } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const PROGRAM = process.env.AUTH_SERVER;
const SETTINGS = {
  AUDIENCES: "api,mail",
  ALLOWED_ORIGINS: "http://localhost:5173",
  ARGON2_MEMORY_KIB: "8",
  ARGON2_ITERATIONS: "1",
  ACCOUNT_RATE_PER_USER: "1000000",
  JWT_REFRESH_SECRET: "refresh-secret-of-a-test-0123456789",
  KEY_ENCRYPTION_SECRET: "key-secret-of-a-test-0123456789abcd",
  REVOCATION_FEED_TOKEN: "feed-token-of-a-test-0123456789abcd",
};
const PASSWORD = "correct horse battery staple";
const NOW = () => Math.floor(Date.now() / 1000);

/** Starts an auth server, which ends with the test. `settings` are environment variables besides those above. */
export async function startStack(t, settings = {}) {
  const keys = await generateKeyPair("ES256");
  const keySet = { fetches: 0, added: [await publicJwk(keys, "test")] };
  // The issuer is a proxy, which adds the key.
  let server;
  const issuer = createServer((request, response) => {
    const isKeySet = request.url === "/.well-known/jwks.json";
    if (isKeySet) keySet.fetches += 1;
    pass(request, response, server, isKeySet && keySet.added);
  }).listen(0, "127.0.0.1");
  await once(issuer, "listening");
  const url = `http://127.0.0.1:${issuer.address().port}`;
  const folder = await mkdtemp(join(tmpdir(), "recipes-"));
  const env = { ...SETTINGS, ...settings, ISSUER: url, BIND_ADDR: "127.0.0.1:0", DATABASE_URL: `sqlite://${folder}/test.db` };
  const program = spawn(PROGRAM, { env, stdio: ["ignore", "ignore", "pipe"] });
  const stop = () => {
    program.kill("SIGKILL");
    issuer.closeAllConnections();
    issuer.close();
  };
  t.after(async () => {
    stop();
    await rm(folder, { recursive: true });
  });
  server = await address(program);
  return new Stack(url, env, keys.privateKey, keySet, stop);
}

const publicJwk = async ({ publicKey }, kid) => ({ ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" });

/** The address in the line "listening on 127.0.0.1:1234" of the log. */
async function address(program) {
  const log = [];
  for await (const line of createInterface({ input: program.stderr })) {
    log.push(line);
    const found = /listening on ([\d.:]+)/.exec(line);
    if (found) {
      program.stderr.resume();
      return `http://${found[1]}`;
    }
  }
  return assert.fail(`auth-server did not start:\n${log.join("\n")}`);
}

function pass(request, response, server, addedKeys) {
  const { method, headers } = request;
  const passed = send(new URL(request.url, server), { method, headers }, async (answer) => {
    if (!addedKeys) return answer.pipe(response.writeHead(answer.statusCode, answer.headers));
    const body = JSON.parse(Buffer.concat(await answer.toArray()));
    return response.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys: [...body.keys, ...addedKeys] }));
  });
  passed.on("error", () => response.writeHead(502).end());
  request.pipe(passed);
}

class Stack {
  #env;
  #key;

  constructor(url, env, key, keySet, stop) {
    this.url = url;
    /** How often the key set was fetched, as `fetches`. */
    this.keySet = keySet;
    /** From then on the auth server does not respond. */
    this.stop = stop;
    this.feedToken = env.REVOCATION_FEED_TOKEN;
    this.#env = env;
    this.#key = key;
  }

  /** Creates a user with a role, and signs the user in: the tokens, and the user. */
  async user(name, ...roles) {
    const email = `${name.toLowerCase()}@example.org`;
    await this.post("/auth/register", { name, email, password: PASSWORD });
    if (roles.length) await promisify(execFile)(PROGRAM, ["users", "set-roles", email, ...roles], { env: this.#env });
    return this.logIn(email);
  }

  logIn(email, options = {}) {
    return this.post("/auth/login", { email, password: PASSWORD, token_delivery: "body", ...options });
  }

  async post(path, body, headers = {}) {
    const json = { "Content-Type": "application/json" };
    const response = await fetch(this.url + path, { method: "POST", headers: { ...json, ...headers }, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response.status === 204 ? null : response.json();
  }

  /** Adds a key of the tests to the key set. Returns it, for `sign`. */
  async addKey(kid) {
    const keys = await generateKeyPair("ES256");
    this.keySet.added.push(await publicJwk(keys, kid));
    return keys.privateKey;
  }

  /** A token that the tests sign: valid but for the changes. */
  sign(changes = {}, header = {}, key = this.#key) {
    const now = NOW();
    const claims = {
      iss: this.url, sub: crypto.randomUUID(), aud: "api", client_id: "web", iat: now, exp: now + 60, jti: "1",
      type: "access", sid: crypto.randomUUID(), uv: 1, auth_time: now, amr: ["pwd"], roles: [], name: "Ann",
    };
    return new SignJWT({ ...claims, ...changes })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "test", ...header })
      .sign(key);
  }
}

/** Starts a server that listens on `PORT` and ends with the test. Returns its URL. */
export async function startServer(t, [program, ...args], { cwd, env, path = "" }) {
  const port = await freePort();
  const options = { cwd, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, PORT: String(port) } };
  const server = spawn(program, args.map((arg) => arg.replace("{port}", port)), { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const output = [];
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => output.push(text));
  t.after(() => server.kill("SIGKILL"));
  for (const end = Date.now() + 60_000; !(await isListening(port)); await sleep(30)) {
    if (server.exitCode !== null || Date.now() > end) assert.fail(`${program} did not start:\n${output.join("")}`);
  }
  return `http://localhost:${port}${path}`;
}

/** Below the range from which the system chooses ports for connections. */
async function freePort() {
  const port = 20_000 + Math.floor(Math.random() * 12_000);
  return (await isListening(port)) ? freePort() : port;
}

async function isListening(port) {
  for (const host of ["127.0.0.1", "::1"]) {
    const socket = connect({ port, host });
    const isOpen = await new Promise((resolve) => socket.on("connect", () => resolve(true)).on("error", () => resolve(false)));
    socket.destroy();
    if (isOpen) return true;
  }
  return false;
}
