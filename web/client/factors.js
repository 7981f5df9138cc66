/**
 * Second factors and passkeys. A module of its own, so that pages without them do not load it.
 *
 *     const auth = withFactors(createAuthClient({ authUrl }), { onStepUp });
 *     try {
 *       await auth.login({ email, password });
 *     } catch (error) {
 *       if (error.code !== "mfa_required") throw error;
 *       await auth.completeLogin(error, { code });
 *     }
 *
 * @module
 */
import { createPasskey, getPasskey, signalAccepted, signalUnknown } from "./passkeys.js";
import { attempt, unlessAborted } from "./server.js";

/** The challenge of this tab: phones drop the page while its user looks at the authenticator app. */
const PENDING = "latchkey:challenge";
/** Errors of a call that is repeated once the user has proved more. */
const REQUIRES_STEP_UP = ["fresh_login_required", "stronger_login_required"];
/** Errors of a proof after which the user is asked again. */
const ASK_AGAIN = /^(invalid_c|passkey_|stronger_|unreachable)/;
/** A page that navigates after the login would abort the request. */
const SIGNAL_DELAY_MS = 2_000;
const CHANGES = ["logoutEverywhere", "changePassword", "updateProfile", "deleteAccount", "endSession", "callWithSession"];

/**
 * @param {import("./auth.js").AuthClient} auth
 * @param {import("./factors.js").FactorsOptions} [options]
 */
export function withFactors(auth, { onStepUp } = {}) {
  const { send } = auth;
  /** The pending question to the user. */
  let asking = null;

  // Starting a session

  /** For pages without storage. */
  let pending = null;

  function keep(challenge) {
    pending = challenge;
    attempt(() => sessionStorage.setItem(PENDING, JSON.stringify(challenge)));
  }

  function pendingLogin() {
    const kept = pending ?? attempt(() => JSON.parse(sessionStorage.getItem(PENDING)));
    return kept?.until > Date.now() ? kept : null;
  }

  function cancelLogin() {
    pending = null;
    attempt(() => sessionStorage.removeItem(PENDING));
  }

  async function startSession(path, body) {
    try {
      const content = await auth.startSession(path, body);
      cancelLogin();
      return content;
    } catch (error) {
      const { code, challenge, methods, passkey_options, expires_in } = error;
      if (code === "challenge_expired") cancelLogin();
      if (challenge) {
        error.remember = body.remember;
        keep({ code, challenge, methods, passkey_options, remember: body.remember, until: Date.now() + expires_in * 1000 });
      }
      throw error;
    }
  }

  async function complete(path, { challenge, remember }, body) {
    const { recovery_codes, recovery_codes_left } = await startSession(path, { challenge, remember, ...body });
    return { user: auth.state.user, recovery_codes, recovery_codes_left };
  }

  /** Makes a call with a passkey. If the server does not know it, the browser stops offering it. */
  async function withPasskey(options, call, settings) {
    const passkey = await getPasskey(options, settings);
    try {
      return await call(passkey);
    } catch (error) {
      if (error.code === "passkey_unknown") signalUnknown(options.rpId, passkey.id);
      throw error;
    }
  }

  /** Makes a call with a proof. `options` returns those for a passkey. */
  async function prove({ password, code, recoveryCode: recovery_code, passkey }, options, call) {
    return passkey ? withPasskey(await options(), (passkey) => call({ passkey })) : call({ password, code, recovery_code });
  }

  async function loginWithPasskey({ conditional, signal, remember } = {}) {
    const login = (credential) => startSession("/auth/passkey/login", { credential, remember });
    const options = () => send("POST", "/auth/passkey/options", { member: "challenge" });
    if (!conditional) return withPasskey(await options(), login, { signal });
    if (!(await attempt(() => PublicKeyCredential.isConditionalMediationAvailable()))) return null;
    for (;;) {
      // The user has not asked for anything yet: an error would be out of place.
      const offered = await options().catch(() => null);
      if (!offered) return null;
      try {
        return await withPasskey(offered, login, { conditional, signal });
      } catch (error) {
        // Its challenge expires, and the form stays open: with a new one.
        if (error.code !== "passkey_timeout") {
          if (error.code === "passkey_cancelled") return null;
          throw error;
        }
      }
    }
  }

  // Raising a session

  const reauthenticate = (proof) =>
    typeof proof === "string"
      ? auth.reauthenticate(proof)
      : prove(proof, () => auth.callWithSession("POST", "/auth/reauthenticate/options", { member: "challenge" }), (body) => auth.reauthenticate({ body }));

  /** Asks until the proof is right. Concurrent calls share one question. @returns false if it cannot help */
  const stepUp = async (problem) =>
    Boolean(onStepUp && REQUIRES_STEP_UP.includes(problem?.code)) && (asking ??= ask(problem).finally(() => (asking = null)));

  async function ask({ code, methods }, error) {
    const proof = await onStepUp({ user: auth.state.user, code, methods: error?.methods ?? methods, error });
    if (!proof) return false;
    try {
      await reauthenticate(proof);
      return true;
    } catch (failure) {
      if (!ASK_AGAIN.test(failure.code)) throw failure;
      return ask({ code, methods }, failure);
    }
  }

  const guarded = (call) => (...args) =>
    call(...args).catch(async (error) => {
      if (!(await stepUp(error))) throw error;
      return call(...args);
    });

  async function authFetch(input, init) {
    // As `authFetch` of the client: overriding an option of a Request would reset these two.
    const { referrer, referrerPolicy } = input;
    const request = new Request(input, { referrer, referrerPolicy, ...init });
    const call = () => auth.authFetch(request.clone(), { credentials: init?.credentials });
    const response = await call();
    const problem = response.status === 403 && (await response.clone().json().catch(() => {}));
    return (await unlessAborted(request.signal, stepUp, problem)) ? call() : response;
  }

  const guardedCalls = Object.fromEntries(CHANGES.map((name) => [name, guarded(auth[name])]));
  const call = guardedCalls.callWithSession;

  // The user's factors

  const path = (id) => `/auth/factors/${encodeURIComponent(id)}`;

  /** Makes a call that changes the factors: the user may have other roles now, and the browser other passkeys. */
  async function change(...request) {
    const content = await call(...request);
    await auth.refreshAccess().catch(() => {});
    signal();
    return content;
  }

  async function factors() {
    const content = await call("GET", "/auth/factors", { member: "factors" });
    signalAccepted(content, auth.state.user);
    return content;
  }

  function signal() {
    if (globalThis.PublicKeyCredential?.signalAllAcceptedCredentials) setTimeout(() => factors().catch(() => {}), SIGNAL_DELAY_MS);
  }

  for (const type of ["signed-in", "user-updated"]) auth.on(type, signal);

  return Object.assign(Object.create(auth), {
    ...guardedCalls,
    authFetch: onStepUp ? authFetch : auth.authFetch,
    startSession,
    login: (user) => startSession("/auth/login", user),
    register: (user) => startSession("/auth/register", user),
    hasRole: (role) => auth.hasRole(role) && !auth.state.user.roles_withheld?.includes(role),
    pendingLogin,
    cancelLogin,
    completeLogin: (challenge, proof) =>
      prove(proof, () => challenge.passkey_options, (body) => complete("/auth/login/factor", challenge, body)),
    async enrol({ challenge }, { kind = "totp", emailCode: email_code } = {}) {
      const content = await send("POST", "/auth/login/enrol", { body: { challenge, kind, email_code }, member: kind === "totp" ? "secret" : "challenge" });
      const kept = pendingLogin();
      if (kept) keep({ ...kept, enrolling: kind });
      return content;
    },
    confirmEnrolment: async (challenge, { code, passkey }) =>
      complete("/auth/login/enrol/confirm", challenge, { code, credential: passkey && (await createPasskey(passkey)) }),
    loginWithPasskey,
    reauthenticate,
    factors,
    setSecondFactor: (second_factor) => change("PATCH", "/auth/factors", { body: { second_factor } }),
    async renameFactor(id, name) {
      await call("PATCH", path(id), { body: { name } });
    },
    async removeFactor(id) {
      await change("DELETE", path(id));
    },
    addTotp: (name) => call("POST", "/auth/factors/totp", { body: { name }, member: "secret" }),
    confirmTotp: (id, code, { endOtherSessions = true } = {}) =>
      change("POST", `/auth/factors/totp/${encodeURIComponent(id)}/confirm`, { body: { code, end_other_sessions: endOtherSessions } }),
    async addPasskey({ kind = "passkey", name } = {}) {
      const options = await call("POST", "/auth/factors/passkey/options", { body: { kind }, member: "challenge" });
      return change("POST", "/auth/factors/passkey", { body: { credential: await createPasskey(options), name }, member: "id" });
    },
    makeRecoveryCodes: async () =>
      (await call("POST", "/auth/factors/recovery-codes", { member: "recovery_codes" })).recovery_codes,
  });
}
