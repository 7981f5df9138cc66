/**
 * Signs users in to a Latchkey auth server and calls APIs on their behalf.
 *
 * The access token is kept in memory only. The refresh token is in an HttpOnly cookie, which scripts cannot read.
 * localStorage contains no token. It records that a session exists, so that a reload knows whether to refresh, and
 * the Idempotency-Key of the next refresh, so that any tab can retry a refresh whose response was lost.
 *
 *     const auth = createAuthClient({ authUrl: "https://auth.example.org", apiOrigins: ["https://api.example.org"] });
 *     await auth.login({ email, password });
 *     const response = await auth.authFetch("https://api.example.org/protected");
 *
 * @module
 */

/** Renew an access token this long before it expires, or in the last tenth of its lifetime if that is shorter. */
const RENEW_AHEAD_MS = 30_000;
/** Delay before a failed renewal is retried while the current token is still valid. */
const RENEW_AGAIN_MS = 5_000;
/** Timeout of a call to the auth server. */
const RESPONSE_TIMEOUT_MS = 15_000;
/** Timeout for the lock that tabs share. A tab then proceeds without it: the server handles concurrent refreshes. */
const LOCK_TIMEOUT_MS = 20_000;
/** Rotation of a session that the server has not confirmed yet. */
const UNCONFIRMED = -1;
const SESSION_ENDED = { code: "session_ended", detail: "The session has ended. Sign in again." };

/**
 * A failed call to the auth server.
 *
 * `code` is the server's problem code, such as `invalid_credentials`. Two more codes come from this client:
 * `unreachable` (no response) and `unexpected_answer` (a response that is not the auth server's).
 *
 * Only `session_ended` and `missing_token` mean that the session has ended; `isLoggedIn()` then returns false. Other
 * errors, such as a wrong password, leave the session active.
 */
export class AuthError extends Error {
  /** @param {{ status?: number, code: string, detail?: string, title?: string, reason?: string, fields?: object,
   *   retry_after?: number }} problem  problem details (RFC 9457); `retry_after` in seconds */
  constructor(problem, options) {
    super(problem.detail ?? problem.title ?? problem.code, options);
    this.name = "AuthError";
    this.status = problem.status ?? 0;
    this.code = problem.code;
    this.reason = problem.reason;
    this.fields = problem.fields;
    this.retryAfter = problem.retry_after;
  }
}

/**
 * @param {object} [options]
 * @param {string} [options.authUrl] URL of the auth server; defaults to the page's origin
 * @param {string[]} [options.apiOrigins] origins that may receive access tokens; defaults to the page's origin
 */
export function createAuthClient({ authUrl = location.origin, apiOrigins = [location.origin] } = {}) {
  const server = authUrl.replace(/\/+$/, "");
  const trusted = new Set(apiOrigins.map((url) => new URL(url).origin));
  /** Name of the localStorage item and of the lock that all tabs share. */
  const sharedName = `latchkey:${server}`;
  const storage = openStorage();
  const changes = new EventTarget();

  /** @type {{ session: string, token: string, user: object, renewAt: number, expiresAt: number } | null} */
  let access = null;
  /** The pending refresh of this tab. */
  let refreshing = null;
  /** The session that this tab shows. */
  let shownSession = stored()?.session;
  /** The server's id of the current session, known after `sessions()`. */
  let currentId = null;

  const login = (credentials) => withLock(() => startSession("/auth/login", credentials));
  const register = (user) => withLock(() => startSession("/auth/register", user));

  async function startSession(path, body) {
    const content = await send("POST", path, { body, member: "access_token" });
    acceptTokens(randomKey(), content);
    return content.user;
  }

  async function logout() {
    await withLock(() => send("POST", "/auth/logout"));
    clearSession();
  }

  const logoutEverywhere = () => withSession(() => send("POST", "/auth/logout-all").then(clearSession));

  function refreshAccess() {
    refreshing ??= withLock(refresh)
      .catch((error) => {
        if (!isSessionEnd(error)) throw error;
        return null;
      })
      .finally(() => {
        refreshing = null;
      });
    return refreshing;
  }

  /** Requires the lock. @throws {AuthError} for a session that has ended, too; this tab is signed out by then */
  async function refresh() {
    const { session, key } = stored() ?? store({ session: randomKey(), rotation: UNCONFIRMED, key: randomKey() });
    let content;
    try {
      content = await send("POST", "/auth/refresh", { headers: { "Idempotency-Key": key }, member: "access_token" });
    } catch (error) {
      if (isSessionEnd(error)) clearSession();
      throw error;
    }
    // Another tab signed in or out before the response arrived: these tokens belong to the previous session.
    if (stored()?.session !== session) return stored() ? refresh() : null;
    acceptTokens(session, content);
    return content.access_token;
  }

  function acceptTokens(session, content) {
    const { rotation } = content;
    const known = stored();
    // A delayed response must not replace the key stored for a later rotation.
    if (known?.session !== session || known.rotation < rotation) store({ session, rotation, key: randomKey() });
    setAccess(session, content);
  }

  function setAccess(session, { access_token: token, expires_in: seconds, user }) {
    const lifetime = seconds * 1000;
    const expiresAt = Date.now() + lifetime;
    access = { session, token, user, expiresAt, renewAt: expiresAt - Math.min(RENEW_AHEAD_MS, lifetime / 10) };
    notify();
  }

  function reauthenticate(password) {
    return withSession(async (session) => {
      const content = await send("POST", "/auth/reauthenticate", { body: { password }, member: "access_token" });
      // The response's rotation is not stored. If it is newer than the stored one, the response to a refresh was lost,
      // and the retry of that refresh needs the current key.
      setAccess(session, content);
      return content.user;
    });
  }

  function changePassword(current_password, new_password, { endOtherSessions: end_other_sessions = true } = {}) {
    return withSession(async () => {
      await send("POST", "/auth/password", { body: { current_password, new_password, end_other_sessions } });
      // The access token is stale now. If this refresh fails, the next call retries it; the password has been changed.
      if (access) access.renewAt = 0;
      await refresh().catch(() => {});
    });
  }

  async function deleteAccount() {
    try {
      await withSession(() => send("DELETE", "/auth/me").then(clearSession));
    } catch (error) {
      // An earlier call deleted the user, but its response was lost.
      if (error.reason !== "user_deleted") throw error;
    }
  }

  async function sessions() {
    const { sessions: all } = await withSession(() => send("GET", "/auth/sessions", { member: "sessions" }));
    currentId = all.find((session) => session.current)?.id ?? null;
    return all;
  }

  function endSession(id) {
    return withSession(async () => {
      await send("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
      if (id === currentId) clearSession();
    });
  }

  function events({ limit, cursor } = {}) {
    const query = Object.entries({ limit, cursor }).filter(([, value]) => value !== undefined);
    return withSession(() => send("GET", `/auth/events?${new URLSearchParams(query)}`, { member: "items" }));
  }

  function clearSession() {
    access = null;
    currentId = null;
    storage.removeItem(sharedName);
    notify();
  }

  async function accessToken() {
    if (!isLoggedIn()) return null;
    const current = access?.session === stored().session ? access : null;
    if (current && Date.now() < current.renewAt) return current.token;
    try {
      return await refreshAccess();
    } catch (error) {
      if (!current || Date.now() >= current.expiresAt) throw error;
      current.renewAt = Math.min(Date.now() + RENEW_AGAIN_MS, current.expiresAt);
      return current.token;
    }
  }

  async function authFetch(input, init) {
    // No cookies by default: an API on the same host must not receive the refresh token.
    const request = new Request(input, { credentials: "omit", ...init });
    const { origin } = new URL(request.url);
    if (!trusted.has(origin)) throw new TypeError(`${origin} is not listed in apiOrigins, so it gets no access token`);

    const token = await accessToken();
    const response = await fetch(withToken(request.clone(), token));
    if (response.status !== 401) return response;
    // Retry once with another token. If the API rejects that one, too, return its response.
    const renewed = access?.token === token ? await refreshAccess() : await accessToken();
    return renewed === null || renewed === token ? response : fetch(withToken(request, renewed));
  }

  const isLoggedIn = () => (stored()?.rotation ?? UNCONFIRMED) > UNCONFIRMED;
  const user = () => access?.user ?? null;

  function onChange(listener) {
    const handler = () => listener(user());
    changes.addEventListener("change", handler);
    return () => changes.removeEventListener("change", handler);
  }

  function notify() {
    shownSession = stored()?.session;
    changes.dispatchEvent(new Event("change"));
  }

  // Other tabs sign in and out, too. A page restored from the back-forward cache has missed the storage event.
  globalThis.addEventListener?.("storage", syncWithOtherTabs);
  globalThis.addEventListener?.("pageshow", syncWithOtherTabs);

  function syncWithOtherTabs() {
    if (stored()?.session === shownSession) return;
    shownSession = stored()?.session;
    access = null;
    if (isLoggedIn()) refreshAccess().catch(notify);
    else notify();
  }

  /** `{ session, rotation, key }`, shared by all tabs; null if no session is stored. */
  function stored() {
    try {
      const { session, rotation, key } = JSON.parse(storage.getItem(sharedName));
      return typeof session === "string" && Number.isSafeInteger(rotation) && /^[\w-]{22,64}$/.test(key)
        ? { session, rotation, key }
        : null;
    } catch {
      return null;
    }
  }

  function store(session) {
    storage.setItem(sharedName, JSON.stringify(session));
    return session;
  }

  /**
   * Runs `task` in one tab at a time. All tabs share one cookie, and a delayed response would replace a newer refresh
   * token with an older one.
   */
  async function withLock(task) {
    const { locks } = globalThis.navigator ?? {};
    if (!locks) return task();
    try {
      return await locks.request(sharedName, { signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) }, task);
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      return task();
    }
  }

  /**
   * Calls the server for the session that this tab shows. Holds the lock: a call that overlaps with another tab's
   * refresh could present a superseded token, which the server treats as reuse.
   */
  function withSession(call) {
    const session = shownSession;
    const callIfShown = () => {
      // Another user signed in while this call waited for the lock. The cookie is now theirs.
      if (!isLoggedIn() || stored().session !== session) throw new AuthError(SESSION_ENDED);
      return call(session);
    };
    return withLock(async () => {
      try {
        return await callIfShown();
      } catch (error) {
        if (error.status !== 401 || error.code === "invalid_credentials") throw error;
        // Either the cookie's token is superseded or the session has ended. A refresh finds out which.
        await refresh();
        return callIfShown();
      }
    });
  }

  /** @returns the JSON body, which must contain `member`; null for 204 if no member is required. @throws {AuthError} */
  async function send(method, path, { body, headers = {}, member } = {}) {
    const request = { method, credentials: "include", headers, signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS) };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { ...headers, "Content-Type": "application/json" };
    }
    let response, text;
    try {
      response = await fetch(server + path, request);
      text = await response.text();
    } catch (cause) {
      throw new AuthError({ code: "unreachable", detail: "The auth server cannot be reached." }, { cause });
    }
    if (response.status === 204 && !member) return null;
    const content = parseJson(text);
    if (response.ok && content[member]) return content;
    if (!response.ok && typeof content.code === "string") throw new AuthError({ ...content, status: response.status });
    const detail = "The response does not come from the auth server.";
    throw new AuthError({ status: response.status, code: "unexpected_answer", detail });
  }

  return {
    login,
    register,
    logout,
    logoutEverywhere,
    refreshAccess,
    authFetch,
    accessToken,
    isLoggedIn,
    user,
    onChange,
    reauthenticate,
    changePassword,
    deleteAccount,
    sessions,
    endSession,
    events,
  };
}

/** Whether the server reported that the session has ended. No other error, and no lost response, means that. */
function isSessionEnd({ status, code }) {
  return status === 401 && (code === "session_ended" || code === "missing_token");
}

function withToken(request, token) {
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

/** 128 random bits. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function parseJson(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** localStorage, or a replacement that lasts as long as the page where the browser blocks localStorage. */
function openStorage() {
  try {
    const { localStorage } = globalThis;
    localStorage.getItem("latchkey");
    return localStorage;
  } catch {
    const items = new Map();
    return {
      getItem: (name) => items.get(name) ?? null,
      setItem: (name, value) => items.set(name, value),
      removeItem: (name) => items.delete(name),
    };
  }
}
