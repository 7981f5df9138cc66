// Passkeys, with a simulated authenticator: ceremonies, the conversions of older browsers, the signals.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withFactors } from "../factors.js";
import { browser, openTab } from "./browser.mjs";
import { problem, scriptedServer, tokens } from "./scripted-server.mjs";

const BYTES = Uint8Array.of(251, 255, 0);
const TEXT = "-_8A";
const REQUEST = { challenge: TEXT, rpId: "example.org", allowCredentials: [{ type: "public-key", id: TEXT }], timeout: 300_000 };
const CREATION = { challenge: TEXT, user: { id: TEXT, name: "ann" }, excludeCredentials: [{ type: "public-key", id: TEXT }] };
const ANN = { id: "00112233-4455-6677-8899-aabbccddeeff", email: "ann@example.org", name: "Ann", roles: [] };

/** Without the conversions of newer browsers. */
const credential = (response) => ({
  id: TEXT,
  type: "public-key",
  authenticatorAttachment: "platform",
  response: { clientDataJSON: BYTES.buffer, ...response },
  getClientExtensionResults: () => ({}),
});
const ASSERTION = { id: TEXT, rawId: TEXT, type: "public-key", authenticatorAttachment: "platform", response: { clientDataJSON: TEXT, signature: TEXT }, clientExtensionResults: {} };

/**
 * A page with an authenticator: `get` and `create` receive the options of the browser's call. `methods` are those of
 * `PublicKeyCredential`.
 */
async function open(t, { get, create, methods }, script) {
  browser(t);
  const calls = [];
  const answer = (run) => (options) => {
    calls.push(options);
    return new Promise((resolve, reject) => {
      const abort = () => reject(new DOMException("aborted", "AbortError"));
      if (options.signal.aborted) return abort();
      options.signal.addEventListener("abort", abort);
      Promise.resolve(run?.(options) ?? credential({ signature: BYTES.buffer })).then(resolve, reject);
    });
  };
  navigator.credentials = { get: answer(get), create: answer(create) };
  globalThis.PublicKeyCredential = { isConditionalMediationAvailable: async () => true, ...methods };
  t.after(() => delete globalThis.PublicKeyCredential);
  const server = await scriptedServer(t, {
    "POST /auth/login": () => tokens(0, { user: ANN }),
    "POST /auth/refresh": () => tokens(1, { user: ANN }),
    "POST /auth/passkey/options": () => [200, REQUEST],
    "POST /auth/passkey/login": () => tokens(0, { user: ANN }),
    "POST /auth/login/factor": () => tokens(0, { user: ANN }),
    "POST /auth/factors/passkey/options": () => [200, CREATION],
    "POST /auth/factors/passkey": () => [201, { id: "1", kind: "passkey", recovery_codes: ["A"] }],
    ...script,
  });
  return { server, calls, auth: withFactors(await openTab(server)), body: (path) => JSON.parse(server.to(path).at(-1).body) };
}

const forever = () => new Promise(() => {});

test("a passkey alone signs in; options and assertion are converted", async (t) => {
  const { auth, calls, body } = await open(t, {});
  assert.deepEqual(await auth.loginWithPasskey({ remember: false }), ANN);
  const [{ publicKey, mediation }] = calls;
  assert.deepEqual([publicKey.challenge, publicKey.allowCredentials[0].id, publicKey.rpId, mediation], [BYTES, BYTES, "example.org", undefined]);
  const { credential, remember } = body("/auth/passkey/login");
  assert.deepEqual([credential, remember, auth.state.status], [ASSERTION, false, "signed-in"]);
});

test("newer browsers convert options and credentials themselves", async (t) => {
  const parsed = (options) => ({ parsed: options.challenge });
  const { auth, calls, body } = await open(t, {
    get: () => ({ id: TEXT, toJSON: () => ({ id: "own" }) }),
    create: () => ({ id: TEXT, toJSON: () => ({ id: "created" }) }),
    methods: { parseRequestOptionsFromJSON: parsed, parseCreationOptionsFromJSON: parsed },
  });
  await auth.loginWithPasskey();
  await auth.addPasskey();
  assert.deepEqual(calls.map(({ publicKey }) => publicKey), [{ parsed: TEXT }, { parsed: TEXT }]);
  assert.deepEqual([body("/auth/passkey/login").credential, body("/auth/factors/passkey").credential], [{ id: "own" }, { id: "created" }]);
});

test("a passkey completes a login and raises a session", async (t) => {
  const { auth, body } = await open(t, {}, {
    "POST /auth/login": () => problem(401, "mfa_required", { challenge: "lkc_1", expires_in: 600, methods: ["passkey"], passkey_options: REQUEST }),
    "POST /auth/reauthenticate/options": () => [200, REQUEST],
    "POST /auth/reauthenticate": () => tokens(1, { user: ANN }),
  });
  await assert.rejects(auth.login({}), { code: "mfa_required" });
  await auth.completeLogin(auth.pendingLogin(), { passkey: true });
  assert.deepEqual(body("/auth/login/factor").passkey, ASSERTION);
  await auth.reauthenticate({ passkey: true });
  assert.deepEqual(body("/auth/reauthenticate"), { passkey: ASSERTION });
});

test("a new passkey is registered with its name", async (t) => {
  const { auth, calls, body } = await open(t, { create: () => credential({ attestationObject: BYTES.buffer, getTransports: () => ["usb"] }) });
  await auth.login({});
  const { id, recovery_codes } = await auth.addPasskey({ kind: "security_key", name: "Blue key" });
  assert.deepEqual([id, recovery_codes, calls[0].publicKey.user.id, calls[0].publicKey.excludeCredentials[0].id], ["1", ["A"], BYTES, BYTES]);
  assert.deepEqual(body("/auth/factors/passkey/options"), { kind: "security_key" });
  const { credential: sent, name } = body("/auth/factors/passkey");
  assert.deepEqual([sent.response, name], [{ clientDataJSON: TEXT, attestationObject: TEXT, transports: ["usb"] }, "Blue key"]);
});

test("errors of the browser have codes", async (t) => {
  const fail = (name) => () => Promise.reject(new DOMException("text of the browser", name));
  const { auth } = await open(t, { get: fail("NotAllowedError"), create: fail("InvalidStateError") });
  await auth.login({});
  await assert.rejects(auth.loginWithPasskey(), { name: "AuthError", code: "passkey_cancelled", message: "text of the browser" });
  await assert.rejects(auth.addPasskey(), { code: "passkey_exists" });
  delete globalThis.PublicKeyCredential;
  await assert.rejects(auth.loginWithPasskey(), { code: "passkey_unsupported" });
  assert.equal(await auth.loginWithPasskey({ conditional: true }), null);
});

test("a conditional request ends before any other ceremony, and by its signal", async (t) => {
  const { auth, calls } = await open(t, { get: ({ mediation }) => mediation && forever() });
  const conditional = auth.loginWithPasskey({ conditional: true });
  while (!calls.length) await new Promise(setImmediate);
  assert.equal(calls[0].mediation, "conditional");
  await auth.loginWithPasskey();
  assert.equal(await conditional, null);
  const stop = new AbortController();
  const second = auth.loginWithPasskey({ conditional: true, signal: stop.signal });
  while (calls.length < 3) await new Promise(setImmediate);
  stop.abort();
  assert.equal(await second, null);
});

test("a conditional request that ended before it began does not end another ceremony", async (t) => {
  let answerButton;
  const answer = new Promise((resolve) => (answerButton = resolve));
  const { auth, calls } = await open(t, { get: () => answer });
  const stop = new AbortController();
  const conditional = auth.loginWithPasskey({ conditional: true, signal: stop.signal });
  stop.abort();
  const button = auth.loginWithPasskey();
  assert.equal(await conditional, null);
  while (!calls.length) await new Promise(setImmediate);
  answerButton(credential({ signature: BYTES.buffer }));
  assert.deepEqual([await button, calls.length], [ANN, 1]);
});

test("a conditional request is silent if it cannot begin", async (t) => {
  const { auth, calls } = await open(t, {}, { "POST /auth/passkey/options": () => problem(503, "unavailable") });
  assert.equal(await auth.loginWithPasskey({ conditional: true }), null);
  await assert.rejects(auth.loginWithPasskey(), { code: "unavailable" });
  assert.equal(calls.length, 0);
});

test("a conditional request gets a new challenge before its own expires", async (t) => {
  const { auth, server, calls } = await open(t, { get: () => (calls.length > 1 ? undefined : forever()) }, {
    "POST /auth/passkey/options": () => [200, { ...REQUEST, timeout: 20 }],
  });
  assert.deepEqual(await auth.loginWithPasskey({ conditional: true }), ANN);
  assert.equal(server.to("/auth/passkey/options").length, 2);
});

test("only a passkey that the server does not know is signalled as unknown", async (t) => {
  const signals = [];
  const signalUnknownCredential = async (options) => void signals.push(options);
  const codes = ["invalid_credentials", "passkey_invalid", "passkey_unknown"];
  const { auth, server } = await open(t, { methods: { signalUnknownCredential } });
  for (const code of codes) {
    server.script["POST /auth/passkey/login"] = () => problem(401, code);
    await assert.rejects(auth.loginWithPasskey(), { code });
  }
  assert.deepEqual(signals, [{ rpId: "example.org", credentialId: TEXT }]);
});

test("the list of factors tells the browser which passkeys are accepted, and the user's names", async (t) => {
  const signals = [];
  const methods = {
    signalAllAcceptedCredentials: async (options) => void signals.push(options),
    signalCurrentUserDetails: async (options) => (signals.push(options), Promise.reject(new Error("the browser refuses"))),
  };
  const { auth } = await open(t, { methods }, { "GET /auth/factors": () => [200, { factors: [], rp_id: "example.org", passkey_ids: [TEXT] }] });
  await auth.login({});
  await auth.factors();
  const userId = "ABEiM0RVZneImaq7zN3u_w";
  assert.deepEqual(signals, [
    { rpId: "example.org", userId, allAcceptedCredentialIds: [TEXT] },
    { rpId: "example.org", userId, name: "ann@example.org", displayName: "Ann" },
  ]);
});
