/**
 * Calls around mails: forgotten passwords, links and codes, proofs and changes of the address. A module of its own, so that
 * pages without these forms do not load it.
 *
 *     const account = createAccountClient({ authUrl: "https://auth.example.org" });
 *     const { continuation } = await account.forgotPassword(email);
 *     await account.resetPassword({ continuation, code }, newPassword);
 *
 * With the client of `auth.js`, it has the calls that start or require a session, too:
 *
 *     const account = createAccountClient({ authUrl, auth });
 *     const { continuation } = await account.changeEmail(email);
 *     await account.confirmEmailChange({ continuation, code });
 *
 * @module
 */
import { connect } from "./server.js";

/** Looked up at each call: tools for tests and tracing replace it. */
const globalFetch = (...call) => globalThis.fetch(...call);

/** @param {import("./account.js").AccountClientOptions} [options] */
export function createAccountClient({ authUrl = "/", fetch = globalFetch, auth } = {}) {
  const server = new URL(authUrl, globalThis.location?.origin).href.replace(/\/+$/, "");
  // Without cookies: none of these calls belongs to a session.
  const send = connect(server, fetch, () => undefined);
  const account = {
    inspectLink: (token) => send("POST", "/auth/proofs/inspect", { body: { token }, member: "purpose" }),
    forgotPassword: (email) => send("POST", "/auth/password/forgot", { body: { email }, member: "continuation" }),
    async resetPassword({ token, continuation, code }, new_password) {
      await send("POST", "/auth/password/reset", { body: { token, continuation, code, new_password } });
    },
  };
  return auth ? { ...account, ...withSession(auth, send) } : account;
}

/** The calls that start or require a session. */
function withSession(auth, send) {
  const { startSession, callWithSession } = auth;
  return {
    confirmRegistration: ({ token, continuation, code, password, remember }) =>
      startSession("/auth/register/confirm", { token, continuation, code, password, remember }),
    acceptInvitation: ({ token, password, name, username, remember }) =>
      startSession("/auth/invitations/accept", { token, password, name, username, remember }),
    requestVerification: () => callWithSession("POST", "/auth/email/verification", { member: "continuation" }),
    async verifyEmail({ token, continuation, code, password }) {
      const isWithoutSession = continuation || password;
      const call = isWithoutSession ? send : callWithSession;
      const user = await call("POST", "/auth/email/verify", { body: { token, continuation, code, password }, member: "id" });
      if (isWithoutSession && user.id === auth.state.user?.id) await auth.refreshAccess();
      return user;
    },
    changeEmail: (email) => callWithSession("POST", "/auth/email", { body: { email }, member: "continuation" }),
    confirmEmailChange({ token, continuation, code }, { endOtherSessions = true } = {}) {
      const body = { token, continuation, code, end_other_sessions: endOtherSessions };
      return callWithSession("POST", "/auth/email/confirm", { body, member: "id" });
    },
    pendingEmailChange: async () => (await callWithSession("GET", "/auth/email/pending", { member: "pending" })).pending,
    async endOtherSessions() {
      await callWithSession("DELETE", "/auth/sessions");
    },
    async cancelEmailChange() {
      await callWithSession("DELETE", "/auth/email/pending");
    },
  };
}
