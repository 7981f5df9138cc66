// Second factors: challenges at login, enrolment, step-up, the calls of the account.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { createAccountClient } from "../account.js";
import { createAuthClient } from "../auth.js";
import * as module from "../factors.js";
import { browser, memory, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const bodies = (server, path) => server.to(path).map(({ body }) => (body ? JSON.parse(body) : null));
const CHALLENGE = { challenge: "lkc_1", methods: ["totp", "recovery_code"], expires_in: 600 };
const mfaRequired = () => problem(401, "mfa_required", CHALLENGE);

/** A page with storage for its tab. */
async function open(t, script, options) {
  browser(t);
  const tab = memory();
  Object.defineProperty(globalThis, "sessionStorage", { value: tab, configurable: true });
  t.after(() => delete globalThis.sessionStorage);
  const server = await scriptedServer(t, { "POST /auth/login": mfaRequired, "POST /auth/refresh": () => tokens(9), ...script });
  return { server, tab, auth: module.withFactors(await openTab(server), options), url: `${server.url}/api` };
}

async function signedIn(t, script, options) {
  const page = await open(t, { "POST /auth/login": () => tokens(0), ...script }, options);
  await page.auth.login({});
  return page;
}

test("the types declare exactly the exports and the methods", async (t) => {
  const types = await readFile(new URL("../factors.d.ts", import.meta.url), "utf8");
  assert.deepEqual([...types.matchAll(/^export function (\w+)/gm)].map(([, name]) => name), Object.keys(module));
  const [, body] = types.match(/interface FactorsClient .*?\{(.*?)\n\}/s);
  const declared = new Set([...body.matchAll(/^  (\w+)\(/gm)].map(([, name]) => name));
  browser(t);
  const auth = createAuthClient({ authUrl: "http://localhost" });
  const own = Object.keys(module.withFactors(auth)).filter((name) => !(name in auth) || ["login", "register", "hasRole", "reauthenticate"].includes(name));
  assert.deepEqual([...declared].sort(), own.sort());
});

test("a login that requires a factor is completed with a code, and keeps the user's choices", async (t) => {
  const { server, auth, tab } = await open(t, {
    "POST /auth/login/factor": ({ body }) => (JSON.parse(body).code === "123456" ? tokens(0, { recovery_codes_left: 9 }) : problem(401, "invalid_code")),
  });
  const error = await auth.login({ email: "ann@example.org", password: "secret", remember: false }).catch((error) => error);
  assert.deepEqual([error.code, error.challenge, error.methods, auth.state.status], ["mfa_required", "lkc_1", CHALLENGE.methods, "signed-out"]);
  await assert.rejects(auth.completeLogin(error, { code: "000000" }), { code: "invalid_code" });
  const done = await auth.completeLogin(error, { code: "123456" });
  assert.deepEqual(done, { user: ANN, recovery_codes: undefined, recovery_codes_left: 9 });
  assert.deepEqual([auth.state.status, auth.state.user, await auth.accessToken()], ["signed-in", ANN, "access-0"]);
  assert.deepEqual(bodies(server, "/auth/login/factor")[1], { challenge: "lkc_1", remember: false, code: "123456", token_delivery: "refresh_cookie" });
  assert.deepEqual([auth.pendingLogin(), tab.items.size], [null, 0]);
});

test("a page that is loaded again continues the login", async (t) => {
  const { server, auth } = await open(t, { "POST /auth/login/factor": () => tokens(0) });
  await assert.rejects(auth.login({ remember: false }), { code: "mfa_required" });
  const reloaded = module.withFactors(await openTab(server));
  const pending = reloaded.pendingLogin();
  assert.deepEqual([pending.challenge, pending.methods], ["lkc_1", CHALLENGE.methods]);
  await reloaded.completeLogin(pending, { recoveryCode: "AAAA-BBBB" });
  const [{ recovery_code, remember }] = bodies(server, "/auth/login/factor");
  assert.deepEqual([recovery_code, remember, reloaded.pendingLogin()], ["AAAA-BBBB", false, null]);
});

test("a challenge that has expired is forgotten, here or at the server", async (t) => {
  const { server, auth, tab } = await open(t, { "POST /auth/login/factor": () => problem(401, "challenge_expired") });
  const error = await auth.login({}).catch((error) => error);
  assert.equal(auth.pendingLogin().challenge, "lkc_1");
  await assert.rejects(auth.completeLogin(error, { code: "1" }), { code: "challenge_expired" });
  assert.deepEqual([auth.pendingLogin(), tab.items.size], [null, 0]);
  server.script["POST /auth/login"] = () => problem(401, "mfa_required", { ...CHALLENGE, expires_in: -1 });
  await assert.rejects(auth.login({}), { code: "mfa_required" });
  assert.equal(auth.pendingLogin(), null);
  server.script["POST /auth/login"] = mfaRequired;
  await assert.rejects(auth.login({}), { code: "mfa_required" });
  auth.cancelLogin();
  assert.equal(auth.pendingLogin(), null);
});

test("without sessionStorage, the challenge lasts as long as the page", async (t) => {
  const { auth, tab } = await open(t, { "POST /auth/login/factor": () => tokens(0) });
  tab.setItem = tab.getItem = () => {
    throw new Error("blocked");
  };
  await assert.rejects(auth.login({}), { code: "mfa_required" });
  await auth.completeLogin(auth.pendingLogin(), { code: "1" });
  assert.equal(auth.pendingLogin(), null);
});

test("an invitation and a registration can require a factor, too", async (t) => {
  const { auth } = await open(t, {
    "POST /auth/invitations/accept": mfaRequired,
    "POST /auth/register": () => problem(401, "mfa_enrolment_required", { challenge: "lkc_2", expires_in: 600 }),
  });
  await assert.rejects(createAccountClient({ authUrl: "http://localhost", auth }).acceptInvitation({}), { code: "mfa_required" });
  assert.equal(auth.pendingLogin().code, "mfa_required");
  await assert.rejects(auth.register({}), { code: "mfa_enrolment_required" });
  assert.equal(auth.pendingLogin().challenge, "lkc_2");
});

test("a login that requires an enrolment sets up a factor, and returns the recovery codes", async (t) => {
  const { server, auth } = await open(t, {
    "POST /auth/login": () => problem(401, "mfa_enrolment_required", { challenge: "lkc_1", expires_in: 600 }),
    "POST /auth/login/enrol": ({ body }) =>
      JSON.parse(body).email_code ? [200, { id: "1", secret: "ABC", uri: "otpauth:", qr_svg: "<svg/>", expires_in: 600 }] : problem(401, "email_code_required"),
    "POST /auth/login/enrol/confirm": () => tokens(0, { recovery_codes: ["A", "B"] }),
  });
  const error = await auth.login({}).catch((error) => error);
  await assert.rejects(auth.enrol(error), { code: "email_code_required" });
  assert.equal((await auth.enrol(error, { emailCode: "12345678" })).secret, "ABC");
  assert.equal(auth.pendingLogin().enrolling, "totp");
  const { user, recovery_codes } = await auth.confirmEnrolment(auth.pendingLogin(), { code: "123456" });
  assert.deepEqual([user, recovery_codes, auth.state.status], [ANN, ["A", "B"], "signed-in"]);
  assert.deepEqual(bodies(server, "/auth/login/enrol")[1], { challenge: "lkc_1", kind: "totp", email_code: "12345678" });
});

// onStepUp

/** Calls succeed once `POST /auth/reauthenticate` has accepted the code 123456. */
async function openGuarded(t, onStepUp, script) {
  let isRaised = false;
  const guarded = (success) => () => (isRaised ? success : problem(403, "stronger_login_required", { acr_values: ["mfa"] }));
  const page = await signedIn(
    t,
    {
      "POST /auth/reauthenticate": ({ body }) => {
        const { code, password } = JSON.parse(body);
        isRaised = code === "123456";
        if (password) return problem(403, "stronger_login_required", { methods: ["totp"] });
        return isRaised ? tokens(1) : problem(401, "invalid_code");
      },
      "POST /api": guarded([200, { done: true }]),
      "DELETE /auth/me": guarded([204]),
      "POST /auth/email": guarded([202, { continuation: "c", expires_in: 9 }]),
      "POST /auth/factors/totp": guarded([201, { id: "1", secret: "S" }]),
      ...script,
    },
    { onStepUp },
  );
  return { ...page, proofs: () => bodies(page.server, "/auth/reauthenticate") };
}

test("a call that requires a stronger login asks for a proof and is repeated once", async (t) => {
  const asked = [];
  const { server, auth, url, proofs } = await openGuarded(t, (request) => (asked.push(request), { code: "123456" }));
  const response = await auth.authFetch(new Request(url, { method: "POST", body: "the body" }));
  assert.deepEqual(await response.json(), { done: true });
  assert.deepEqual(asked, [{ user: ANN, code: "stronger_login_required", methods: undefined, error: undefined }]);
  assert.deepEqual(proofs(), [{ code: "123456" }]);
  const sent = server.to("/api").map(({ headers, body }) => [headers.authorization, headers.cookie, body]);
  assert.deepEqual(sent, [["Bearer access-0", undefined, "the body"], ["Bearer access-1", undefined, "the body"]]);
});

test("a call that still requires it after the proof is not repeated again", async (t) => {
  const { server, auth, url } = await openGuarded(t, () => ({ code: "123456" }), { "POST /api": () => problem(403, "stronger_login_required") });
  assert.equal((await auth.authFetch(url, { method: "POST" })).status, 403);
  assert.equal(server.to("/api").length, 2);
});

for (const [name, call] of Object.entries({
  deleteAccount: ({ auth }) => auth.deleteAccount(),
  addTotp: ({ auth }) => auth.addTotp(),
  changeEmail: ({ auth, server }) => createAccountClient({ authUrl: server.url, auth }).changeEmail("a@example.org"),
})) {
  test(`${name} asks for a proof and is repeated`, async (t) => {
    const page = await openGuarded(t, async () => ({ code: "123456" }));
    await call(page);
    assert.deepEqual(page.proofs(), [{ code: "123456" }]);
  });
}

test("a proof that is not accepted is asked for again, with the error and the methods", async (t) => {
  const seen = [];
  const answers = [{ password: "secret" }, { code: "000000" }, { code: "123456" }];
  const { auth, url } = await openGuarded(t, ({ error, methods }) => (seen.push([error?.code, methods]), answers.shift()));
  assert.equal((await auth.authFetch(url, { method: "POST" })).status, 200);
  assert.deepEqual(seen, [[undefined, undefined], ["stronger_login_required", ["totp"]], ["invalid_code", undefined]]);
});

test("if the user cancels, the caller gets what the server returned", async (t) => {
  const { auth, url, proofs } = await openGuarded(t, () => null);
  assert.equal((await (await auth.authFetch(url, { method: "POST" })).json()).code, "stronger_login_required");
  await assert.rejects(auth.deleteAccount(), { code: "stronger_login_required" });
  assert.deepEqual(proofs(), []);
});

test("concurrent calls ask once", async (t) => {
  let asked = 0;
  const { auth, url } = await openGuarded(t, async () => ((asked += 1), { code: "123456" }));
  const [{ status }] = await Promise.all([auth.authFetch(url, { method: "POST" }), auth.addTotp(), auth.deleteAccount()]);
  assert.deepEqual([status, asked], [200, 1]);
});

test("a call that is aborted while the user is asked ends at once", async (t) => {
  const stop = new AbortController();
  const { auth, url } = await openGuarded(t, () => (stop.abort(), new Promise(() => {})));
  await assert.rejects(auth.authFetch(url, { method: "POST", signal: stop.signal }), { name: "AbortError" });
});

test("a fresh login is asked for in the same way, and another 403 is not", async (t) => {
  const asked = [];
  const { auth, url } = await openGuarded(t, ({ code }) => (asked.push(code), null), {
    "POST /api": () => problem(403, "fresh_login_required"),
    "DELETE /auth/me": () => problem(403, "role_required"),
  });
  await auth.authFetch(url, { method: "POST" });
  await assert.rejects(auth.deleteAccount(), { code: "role_required" });
  assert.deepEqual(asked, ["fresh_login_required"]);
});

test("reauthenticate takes the password as before, or a proof; a wrong one leaves the session", async (t) => {
  const { server, auth, proofs } = await openGuarded(t);
  await auth.reauthenticate({ code: "123456" });
  await assert.rejects(auth.reauthenticate("secret"), { code: "stronger_login_required", methods: ["totp"] });
  await assert.rejects(auth.reauthenticate({ recoveryCode: "AAAA" }), { code: "invalid_code" });
  assert.deepEqual(proofs(), [{ code: "123456" }, { password: "secret" }, { recovery_code: "AAAA" }]);
  assert.deepEqual([server.to("/auth/refresh").length, auth.state.status], [0, "signed-in"]);
});

// The user's factors

test("the calls of the account make the server's requests", async (t) => {
  const { server, auth } = await signedIn(t, {
    "GET /auth/factors": () => [200, { second_factor: true, factors: [], passkey_ids: [] }],
    "PATCH /auth/factors": ({ body }) => [200, JSON.parse(body).second_factor ? { recovery_codes: ["A"] } : {}],
    "PATCH /auth/factors/a%2Fb": () => [204],
    "DELETE /auth/factors/1": () => [204],
    "POST /auth/factors/totp": () => [201, { id: "1", secret: "ABC" }],
    "POST /auth/factors/totp/1/confirm": () => [200, { recovery_codes: ["A"] }],
    "POST /auth/factors/recovery-codes": () => [201, { recovery_codes: ["A", "B"] }],
  });
  assert.equal((await auth.factors()).second_factor, true);
  assert.deepEqual((await auth.setSecondFactor(true)).recovery_codes, ["A"]);
  assert.deepEqual(await auth.setSecondFactor(false), {});
  assert.equal(await auth.renameFactor("a/b", "Phone"), undefined);
  assert.equal(await auth.removeFactor("1"), undefined);
  assert.equal((await auth.addTotp("Phone")).secret, "ABC");
  assert.deepEqual((await auth.confirmTotp("1", "123456", { endOtherSessions: false })).recovery_codes, ["A"]);
  assert.deepEqual(await auth.makeRecoveryCodes(), ["A", "B"]);
  assert.deepEqual(bodies(server, "/auth/factors/totp/1/confirm"), [{ code: "123456", end_other_sessions: false }]);
  assert.deepEqual(bodies(server, "/auth/factors/totp"), [{ name: "Phone" }]);
  // The user's roles and second factor may be others now.
  assert.equal(server.to("/auth/refresh").length, 4);
});

test("a role that is withheld until a stronger login is none", async (t) => {
  const user = { ...ANN, roles: ["admin", "editor"], roles_withheld: ["admin"] };
  const { auth } = await signedIn(t, { "POST /auth/login": () => tokens(0, { user }) });
  assert.deepEqual(["admin", "editor", "other"].map(auth.hasRole), [false, true, false]);
});

test("it is a client like the other: the state, events and calls are the same", async (t) => {
  const { auth, server } = await signedIn(t, { "GET /auth/sessions": () => [200, { sessions: [] }] });
  const states = [];
  auth.subscribe(({ status }) => states.push(status));
  assert.deepEqual([auth.state.user, auth.hasRole("admin"), await auth.ready.then(({ status }) => status)], [ANN, false, "signed-out"]);
  assert.deepEqual(await auth.sessions(), { sessions: [] });
  server.script["POST /auth/logout"] = () => [204];
  await auth.logout();
  assert.deepEqual(states, ["signed-out"]);
});
