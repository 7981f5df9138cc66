import { openRecord } from "./record.js";
import { AuthError, connect, isPage } from "./server.js";
import { createState } from "./state.js";

/** Renew an access token this long before it expires, or in the last tenth of its lifetime if that is shorter. */
const RENEW_AHEAD_MS = 30_000;
/** The first delay before a failed renewal is retried. It doubles with each failure. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Timeout for the lock that tabs share. A tab then proceeds without it: the server handles concurrent refreshes. */
const LOCK_TIMEOUT_MS = 20_000;
/** Rotation of a session that the server has not confirmed yet. */
const UNCONFIRMED = -1;

/** Not the system's clock, which can be set while the page is open. */
const now = () => performance.now();

/** The session of an auth server, as this page sees it. */
export function openSession({ server, tokenDelivery, audience, storage, fetch }) {
  const isInBody = tokenDelivery === "body";
  const inPage = isPage();
  /** Whether other tabs have the same session. */
  const isShared = inPage && (storage || !isInBody);
  /** Name of the lock, the item in the storage and the channel that all tabs share. */
  const sharedName = `latchkey:${server}`;
  // Reading the default can throw, so it is read at each use.
  const usedStorage = () => storage ?? (isShared && localStorage);
  // The channel would take the refresh token to pages that do not use the storage.
  const hasChannel = isShared && !isInBody;
  const [stored, store] = openRecord(sharedName, usedStorage, hasChannel, syncWithOtherTabs);
  const send = connect(server, fetch, isInBody ? () => stored().token : undefined);
  const [state, on, emit, show] = createState();

  /**
   * The access token, or the CSRF token if the access token is in a cookie.
   * @type {{ token?: string, csrf?: string } | null}
   */
  let access = null;
  let expiresAt = 0;
  /** When the next renewal is due: not later than `expiresAt` while `access` is set. */
  let renewAt = 0;
  /** Delay after the next failure. It is the first one unless the last renewal failed. */
  let retryMs = RETRY_MS;
  let timer;
  /** The pending refresh of this page. */
  let refreshing = null;
  /** The last task without a Web Lock. */
  let lastTask = Promise.resolve();
  /** The session that this page shows. */
  let shownSession = stored().session;
  /** The server's id of the current session, known after `sessions()`. */
  let currentId = null;
  /** The session whose start the application knows, by an event or by a reload. */
  let knownSession = shownSession;

  const isActive = () => stored().rotation > UNCONFIRMED;

  /**
   * @returns the user; the continuation if the server requires that the address is proved first; after a challenge the
   *   response, which can contain recovery codes
   */
  const startSession = (path, { newPassword: new_password, ...user }) =>
    withLock(async () => {
      const body = { ...user, new_password, audience, token_delivery: tokenDelivery };
      const content = await send("POST", path, { body, member: "expires_in" });
      if (content.continuation) return content;
      acceptTokens(randomKey(), content);
      return user.challenge ? content : state().user;
    });

  /** @returns the new access token, or null if the session has ended */
  const renew = (mayStart) =>
    (refreshing ??= withLock(() => refresh(mayStart)).catch(onFailure).finally(() => (refreshing = null)));

  /**
   * Requires the lock.
   *
   * @param mayStart  whether to try the cookie even if no session is known
   * @throws {AuthError} for a session that has ended, too; this page is signed out by then
   */
  async function refresh(mayStart) {
    if (!stored().session) {
      if (!mayStart) return null;
      store({ session: randomKey(), rotation: UNCONFIRMED, key: randomKey() });
    }
    const known = stored();
    const isCurrent = () => stored().session === known.session;
    try {
      await rotate(known, "/auth/refresh", { audience });
    } catch (error) {
      if (isCurrent()) {
        if (isSessionEnd(error)) clearSession(error.reason ?? error.code);
        throw error;
      }
    }
    // Otherwise another tab signed in or out before the response arrived.
    return isCurrent() ? access : refresh();
  }

  function onFailure(error) {
    if (isSessionEnd(error)) return null;
    // Not all tabs and browsers at the same time.
    const delay = retryMs * (0.5 + Math.random() / 2);
    retryMs = Math.min(MAX_RETRY_MS, 2 * retryMs);
    renewAt = now() + Math.max(delay, (error.retryAfter ?? 0) * 1000);
    if (access && now() < expiresAt) {
      renewAt = Math.min(renewAt, expiresAt);
    } else {
      access = null;
      if (isActive()) show("offline", state().user, error.code);
    }
    schedule();
    throw error;
  }

  /** Makes a request that replaces the refresh token. The key allows a retry of a lost response. Requires the lock. */
  async function rotate({ session, key }, path, body) {
    const content = await send("POST", path, { headers: { "Idempotency-Key": key }, body, member: "expires_in" });
    // Otherwise these tokens belong to a session that another tab has replaced.
    if (stored().session === session) acceptTokens(session, content);
  }

  function acceptTokens(session, content) {
    const { rotation, access_token: token, csrf_token: csrf, refresh_token, expires_in: seconds, user } = content;
    const known = stored();
    // A delayed response must not replace the key stored for a later rotation.
    if (known.session !== session || known.rotation < rotation) {
      store({ session, rotation, key: randomKey(), token: refresh_token });
    }
    const lifetime = seconds * 1000;
    access = { token, csrf };
    expiresAt = now() + lifetime;
    renewAt = expiresAt - Math.min(RENEW_AHEAD_MS, lifetime / 10);
    retryMs = RETRY_MS;
    schedule();
    const event = knownSession === session ? "renewed" : "signed-in";
    shownSession = knownSession = session;
    showUser(user, event);
  }

  /** Shows the user of the current session. */
  function showUser(user, event) {
    const before = state().user;
    show("signed-in", user);
    if (event) emit(event);
    if (event !== "signed-in" && before && before !== state().user) emit("user-updated");
  }

  /** @param [ended] the reason if the server has ended the session */
  function clearSession(ended) {
    store(ended && isActive() ? { ended } : null);
    showSignedOut();
  }

  function showSignedOut() {
    access = null;
    clearTimeout(timer);
    const { ended: reason } = stored();
    const wasKnown = knownSession;
    shownSession = knownSession = undefined;
    show("signed-out", null, reason);
    if (wasKnown) emit(reason ? "session-ended" : "signed-out", reason);
  }

  /**
   * @param [rejected]  a token that an API has rejected: requires another one
   * @returns a valid access token, renewed if necessary; null if no user is signed in. @throws {AuthError}
   */
  async function validAccess(rejected) {
    syncWithOtherTabs();
    if (!isActive()) return null;
    const isUsable = () => access && access !== rejected;
    if (isUsable() && now() < renewAt) return access;
    try {
      return await renew();
    } catch (error) {
      if (isUsable()) return access;
      throw error;
    }
  }

  /** Renews in time while the page is visible. Outside of pages, only a call renews. */
  function schedule() {
    clearTimeout(timer);
    if (!inPage || !isActive() || globalThis.document?.visibilityState === "hidden") return;
    timer = setTimeout(renewInBackground, renewAt - now());
    timer.unref?.(); // Otherwise Node.js would not exit.
  }

  /** A failure is in the state, and is retried. */
  const renewInBackground = () => validAccess(access).catch(() => {});

  /** Retries a failed renewal now: the server may be reachable again. */
  function resume() {
    if (retryMs > RETRY_MS) renewAt = 0;
    schedule();
  }

  function syncWithOtherTabs() {
    if (stored().session === shownSession) return;
    access = null;
    shownSession = stored().session;
    if (!isActive()) return showSignedOut();
    show("loading");
    renewInBackground();
  }

  if (inPage) {
    addEventListener("storage", syncWithOtherTabs);
    addEventListener("online", resume);
    globalThis.document?.addEventListener("visibilitychange", resume);
    // A page restored from the back-forward cache has missed changes by other tabs.
    addEventListener("pageshow", syncWithOtherTabs);
  }

  /**
   * Runs `task` in one tab at a time. All tabs share one cookie, and a delayed response would replace a newer refresh
   * token with an older one.
   */
  async function withLock(task) {
    let isRunning = false;
    const run = () => {
      isRunning = true;
      return task();
    };
    try {
      if (isShared) {
        return await navigator.locks.request(sharedName, { signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) }, run);
      }
    } catch (error) {
      if (isRunning) throw error;
    }
    // The browser has no Web Locks or blocks them, or a tab holds the lock too long. Take turns in this page only.
    return (lastTask = lastTask.then(run, run));
  }

  /**
   * Calls the server for the session that this page shows. Holds the lock: a call that overlaps with another tab's
   * refresh could present a superseded token, which the server treats as reuse.
   */
  function withSession(call) {
    const session = shownSession;
    const callIfShown = () => {
      // Another user signed in while this call waited for the lock. The cookie is now theirs.
      const isShown = isActive() && stored().session === session;
      if (!isShown) throw new AuthError({ code: "session_ended", detail: "The session has ended." });
      return call();
    };
    return withLock(async () => {
      try {
        return await callIfShown();
      } catch (error) {
        // A wrong password, code or passkey says nothing about the session.
        if (error.status !== 401 || /^(invalid_c|p)/.test(error.code)) throw error;
        // Either the cookie's token is superseded or the session has ended. A refresh finds out which.
        await refresh();
        return callIfShown();
      }
    });
  }

  /** Makes a call. If it returns the user, it has changed them. */
  async function callWithSession(...request) {
    const content = await withSession(() => send(...request));
    if (content?.email) {
      showUser(content);
      // The access token contains the old name, or is stale.
      renewAt = 0;
      schedule();
    }
    return content;
  }

  const started = isActive() && renewInBackground();
  if (!started && (inPage || isInBody)) showSignedOut();

  return {
    state,
    on,
    ready: Promise.resolve(started).then(state),
    access: validAccess,
    refreshAccess: async () => (await renew(true))?.token ?? null,
    claims: () => decodeClaims(access?.token),
    send,
    startSession,
    callWithSession,
    login: (user) => startSession("/auth/login", user),
    register: (user) => startSession("/auth/register", user),
    logout: () => withLock(() => send("POST", "/auth/logout")).then(clearSession),
    logoutEverywhere: () => withSession(() => send("POST", "/auth/logout-all").then(clearSession)),
    async reauthenticate(password) {
      // `factors.js` has other proofs.
      await withSession(() => rotate(stored(), "/auth/reauthenticate", password.body ?? { password }));
    },
    async changePassword(current_password, new_password, { endOtherSessions = true } = {}) {
      const body = { current_password, new_password, end_other_sessions: endOtherSessions };
      const change = () => rotate(stored(), "/auth/password", body);
      // If only the response was lost, the old refresh token is valid for nothing but a retry.
      const retryIfLost = (error) => (error.code === "unreachable" ? change() : Promise.reject(error));
      await withSession(() => change().catch(retryIfLost));
    },
    updateProfile: (body) => callWithSession("PATCH", "/auth/me", { body, member: "id" }),
    async deleteAccount() {
      try {
        await withSession(() => send("DELETE", "/auth/me").then(clearSession));
      } catch (error) {
        // An earlier call deleted the user, but its response was lost.
        if (error.reason !== "user_deleted") throw error;
      }
    },
    async sessions(options) {
      const page = await callWithSession("GET", paged("/auth/sessions", options), { member: "sessions" });
      currentId = page.sessions.find((session) => session.current)?.id ?? currentId;
      return page;
    },
    endSession: (id) =>
      withSession(async () => {
        await send("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
        if (id === currentId) clearSession();
      }),
    events: (options) => callWithSession("GET", paged("/auth/events", options), { member: "items" }),
  };
}

/** Whether the server reported that the session has ended. No other error, and no lost response, means that. */
const isSessionEnd = ({ status, code }) => status === 401 && (code === "session_ended" || code === "missing_token");

/** 160 random bits. `crypto.randomUUID` does not exist on plain HTTP. */
const randomKey = () => crypto.getRandomValues(new Uint32Array(5)).join("-");

/** Decodes the payload of a JWT for display. Only an API verifies the signature. */
function decodeClaims(token) {
  if (!token) return null;
  const bytes = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))));
}

/** Adds those of the options that are set to the query. */
function paged(path, { limit, cursor } = {}) {
  // JSON omits those that are undefined.
  const query = new URLSearchParams(JSON.parse(JSON.stringify({ limit, cursor })));
  return `${path}?${query}`.replace(/\?$/, "");
}
