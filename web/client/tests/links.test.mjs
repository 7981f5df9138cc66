import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import * as module from "../account.js";
import { AuthError } from "../auth.js";
import { browser, isSignedIn, openTab } from "./browser.mjs";
import { ANN, problem, scriptedServer, tokens } from "./scripted-server.mjs";

const bodies = (server, path) => server.to(path).map((request) => JSON.parse(request.body));
const client = (server) => module.createAccountClient({ authUrl: server.url });

test("the types declare exactly the exports and the methods", async () => {
  const types = await readFile(new URL("../account.d.ts", import.meta.url), "utf8");
  const functions = [...types.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual([...new Set(functions)], Object.keys(module));
  const declared = (name) => {
    const [, body] = types.match(new RegExp(`interface ${name} .*?\\{(.*?)\n\\}`, "s"));
    return [...body.matchAll(/^  (\w+)\(/gm)].map(([, method]) => method);
  };
  const methods = (options) => Object.keys(module.createAccountClient({ authUrl: "http://localhost", ...options })).sort();
  assert.deepEqual(declared("AccountClient").sort(), methods());
  const all = [...declared("AccountClient"), ...declared("AccountClientWithSession")];
  assert.deepEqual(all.sort(), methods({ auth: {} }));
});

test("a forgotten password is set with a code or a link, without cookies", async (t) => {
  const server = await scriptedServer(t, {
    "POST /auth/password/forgot": () => [202, { continuation: "c", expires_in: 1800 }],
    "POST /auth/password/reset": () => [204, ""],
    "POST /auth/proofs/inspect": () => [200, { purpose: "reset", email: "a…@example.org", expires_in: 9, needs: "new_password" }],
  });
  const account = client(server);
  const { continuation } = await account.forgotPassword("ann@example.org");
  assert.equal(await account.resetPassword({ continuation, code: "12345678" }, "new"), undefined);
  assert.equal((await account.inspectLink("token")).email, "a…@example.org");
  await account.resetPassword({ token: "token" }, "new");
  assert.deepEqual(bodies(server, "/auth/password/forgot"), [{ email: "ann@example.org" }]);
  assert.deepEqual(bodies(server, "/auth/password/reset"), [
    { continuation: "c", code: "12345678", new_password: "new" },
    { token: "token", new_password: "new" },
  ]);
  for (const { headers } of server.to("/auth/password/reset")) assert.equal(headers.cookie, undefined);
});

test("errors have the code of the server", async (t) => {
  const server = await scriptedServer(t, {
    "POST /auth/password/reset": () => problem(410, "link_invalid"),
    "POST /auth/password/forgot": () => "cut",
  });
  const account = client(server);
  await assert.rejects(account.resetPassword({ token: "t" }, "new"), { code: "link_invalid", status: 410 });
  await assert.rejects(account.forgotPassword("ann@example.org"), (error) => error instanceof AuthError && error.code === "unreachable");
});

/** A page with both clients. */
async function withSession(t, script) {
  const simulated = browser(t);
  const server = await scriptedServer(t, { "POST /auth/refresh": () => tokens(1), ...script });
  const auth = await openTab(server);
  const account = module.createAccountClient({ authUrl: server.url, auth });
  return { ...simulated, server, auth, account };
}

async function signedIn(t, script) {
  const page = await withSession(t, { "POST /auth/login": () => tokens(0), ...script });
  await page.auth.login({});
  return page;
}

test("a registration that requires a proof of the address starts a session only with it", async (t) => {
  const { server, auth, account } = await withSession(t, {
    "POST /auth/register": () => [202, { continuation: "c", expires_in: 86_400 }],
    "POST /auth/register/confirm": () => tokens(0),
  });
  const result = await auth.register({ email: "ann@example.org", password: "secret", name: "Ann" });
  assert.deepEqual(result, { continuation: "c", expires_in: 86_400 });
  assert.deepEqual([isSignedIn(auth), await auth.accessToken()], [false, null]);
  const user = await account.confirmRegistration({ continuation: "c", code: "12345678", remember: false });
  assert.deepEqual([user, auth.state.user, await auth.accessToken()], [ANN, ANN, "access-0"]);
  const [body] = bodies(server, "/auth/register/confirm");
  assert.deepEqual(body, { continuation: "c", code: "12345678", remember: false, token_delivery: "refresh_cookie" });
  const other = await openTab(server);
  assert.equal((await other.ready).status, "signed-in", "other tabs learn of the session");
});

test("an invitation starts a session in all tabs", async (t) => {
  const { server, auth, account } = await withSession(t, { "POST /auth/invitations/accept": () => tokens(0) });
  const other = await openTab(server);
  const events = [];
  other.on("signed-in", ({ user }) => events.push(user));
  await account.acceptInvitation({ token: "t", password: "secret", name: "Ann" });
  assert.equal(auth.state.user, await auth.ready.then(() => auth.state.user));
  assert.equal((await other.accessToken()) !== null, true);
  assert.deepEqual([auth.state.user, events], [ANN, [ANN]]);
  const [body] = bodies(server, "/auth/invitations/accept");
  assert.deepEqual(body, { token: "t", password: "secret", name: "Ann", token_delivery: "refresh_cookie" });
});

test("a change of the address shows the new one, and renews the stale access token", async (t) => {
  const changed = { ...ANN, email: "new@example.com", email_verified: true };
  const { server, auth, account } = await signedIn(t, {
    "POST /auth/email": () => [202, { continuation: "c", expires_in: 86_400 }],
    "POST /auth/email/confirm": () => [200, changed],
    "POST /auth/refresh": () => tokens(1, { user: changed }),
    "DELETE /auth/email/pending": () => [204],
  });
  const updates = [];
  auth.on("user-updated", ({ user }) => updates.push(user.email));
  const { continuation } = await account.changeEmail("new@example.com");
  assert.equal(auth.state.user.email, ANN.email);
  assert.deepEqual(await account.confirmEmailChange({ continuation, code: "12345678" }), changed);
  assert.deepEqual([auth.state.user, updates], [changed, ["new@example.com"]]);
  assert.equal(await auth.accessToken(), "access-1");
  await account.confirmEmailChange({ token: "t" }, { endOtherSessions: false });
  assert.equal(await account.cancelEmailChange(), undefined);
  assert.deepEqual(bodies(server, "/auth/email"), [{ email: "new@example.com" }]);
  assert.deepEqual(bodies(server, "/auth/email/confirm"), [
    { continuation: "c", code: "12345678", end_other_sessions: true },
    { token: "t", end_other_sessions: false },
  ]);
});

test("a requested address can be read, and other sessions can be ended", async (t) => {
  let pending = { email: "new@example.com", expires_at: "2026-11-28T12:00:00Z" };
  const { server, auth, account } = await signedIn(t, {
    "GET /auth/email/pending": () => [200, { pending }],
    "DELETE /auth/sessions": () => [204],
  });
  assert.deepEqual(await account.pendingEmailChange(), pending);
  pending = null;
  assert.equal(await account.pendingEmailChange(), null);
  assert.equal(await account.endOtherSessions(), undefined);
  assert.deepEqual([server.to("/auth/sessions").length, auth.state.user], [1, ANN]);
});

test("a wrong code is tried once, and leaves the user signed in", async (t) => {
  const wrong = () => problem(401, "invalid_code", { attempts_left: 4 });
  const { server, auth, account } = await signedIn(t, { "POST /auth/email/confirm": wrong, "POST /auth/email/verify": wrong });
  const proof = { continuation: "c", code: "00000000" };
  await assert.rejects(account.confirmEmailChange(proof), { code: "invalid_code", attemptsLeft: 4 });
  await assert.rejects(account.verifyEmail(proof), { code: "invalid_code", attemptsLeft: 4 });
  assert.equal(server.to("/auth/email/confirm").length, 1);
  assert.equal(server.to("/auth/email/verify").length, 1);
  assert.deepEqual([auth.state.user, server.to("/auth/refresh").length], [ANN, 0]);
});

test("an address is proved in a session, with the password, or with the continuation of a rejected login", async (t) => {
  const verified = { ...ANN, email_verified: true };
  const { server, auth, account } = await signedIn(t, {
    "POST /auth/email/verification": () => [202, { continuation: "c", expires_in: 86_400 }],
    "POST /auth/email/verify": () => [200, verified],
    "POST /auth/refresh": () => tokens(1, { user: verified }),
    "POST /auth/logout": () => [204],
  });
  const { continuation } = await account.requestVerification();
  assert.deepEqual(await account.verifyEmail({ continuation, code: "12345678" }), verified);
  assert.deepEqual(auth.state.user, verified);

  await auth.logout();
  server.script["POST /auth/login"] = () => problem(401, "email_code_required", { continuation: "d", expires_in: 86_400 });
  const error = await auth.login({}).catch((error) => error);
  assert.deepEqual([error.code, error.continuation, isSignedIn(auth)], ["email_code_required", "d", false]);
  await assert.rejects(account.verifyEmail({ token: "t" }), { code: "session_ended" }, "requires a session or the password");
  await account.verifyEmail({ continuation: "d", code: "12345678" });
  await account.verifyEmail({ token: "t", password: "secret" });
  server.script["POST /auth/login"] = () => tokens(0);
  await auth.login({});
  assert.deepEqual(auth.state.user, ANN);
  await account.verifyEmail({ token: "t" });
  assert.deepEqual(auth.state.user, verified);
  assert.deepEqual(bodies(server, "/auth/email/verify"), [
    { continuation: "c", code: "12345678" },
    { continuation: "d", code: "12345678" },
    { token: "t", password: "secret" },
    { token: "t" },
  ]);
});
