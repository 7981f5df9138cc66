/**
 * Signs users in to a Latchkey auth server and calls APIs on their behalf.
 *
 * The access token is kept in memory only. The refresh token is in an HttpOnly cookie, which scripts cannot read.
 * localStorage contains no token. It records that a session exists, so that a reload knows whether to refresh, and
 * the Idempotency-Key of the next rotation, so that any tab can retry a request whose response was lost.
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
/** Resolves relative URLs where the page has no origin. No such host exists. */
const NO_ORIGIN = "https://page.invalid";
const NO_PAGE = 'auth.js requires a web page or a worker. Other programs sign in with token_delivery "body".';

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

/** The session of each auth server, by its URL. All clients of a page share them. */
const sessionsByServer = {};

/**
 * @param {object} [options]
 * @param {string} [options.authUrl] URL of the auth server; defaults to the page's origin
 * @param {string[]} [options.apiOrigins] origins that may receive access tokens; defaults to the page's origin
 */
export function createAuthClient({ authUrl = "/", apiOrigins = ["/"] } = {}) {
  // A server that renders pages has no location, and sandboxed frames have the origin "null".
  const { origin = "null" } = globalThis.location ?? {};
  const absolute = (url) => new URL(url, origin === "null" ? NO_ORIGIN : origin);
  const server = absolute(authUrl).href.replace(/\/+$/, "");
  const trusted = new Set(apiOrigins.map((url) => absolute(url).origin));
  sessionsByServer[server] ??= openSession(server);
  const { replaceToken, ...session } = sessionsByServer[server];

  async function authFetch(input, init) {
    // No cookies unless requested: an API on the same host must not receive the refresh token. A Request does not show
    // whether its caller or the default set "same-origin".
    const credentials = init?.credentials ?? (input.credentials === "include" ? "include" : "omit");
    // Overriding an option of a Request would reset these two.
    const { referrer, referrerPolicy } = input;
    const request = new Request(input, { referrer, referrerPolicy, ...init, credentials });
    const target = new URL(request.url).origin;
    if (!trusted.has(target)) throw new TypeError(`${target} is not listed in apiOrigins, so it gets no access token`);

    const { signal } = request;
    const token = await unlessAborted(signal, session.accessToken);
    const response = await fetch(withToken(request.clone(), token));
    if (response.status !== 401) return response;
    // Retry once with another token. If the API rejects that one, too, return its response.
    const renewed = await unlessAborted(signal, () => replaceToken(token));
    return renewed === null || renewed === token ? response : fetch(withToken(request, renewed));
  }

  return { ...session, authFetch };
}

function openSession(server) {
  /** Name of the lock, the localStorage item and the channel that all tabs share. */
  const sharedName = `latchkey:${server}`;
  const { read: stored, write: store } = openSharedRecord(sharedName, syncWithOtherTabs);
  const changes = new EventTarget();

  /** @type {{ session: string, token: string, user: object, renewAt: number, expiresAt: number } | null} */
  let access = null;
  /** The pending refresh of this page. */
  let refreshing = null;
  /** The last task without a Web Lock. */
  let lastTask = Promise.resolve();
  /** The session that this page shows. */
  let shownSession = stored()?.session;
  /** The server's id of the current session, known after `sessions()`. */
  let currentId = null;

  const login = async ({ newPassword: new_password, ...credentials }) =>
    withLock(() => startSession("/auth/login", { ...credentials, new_password }));
  const register = (user) => withLock(() => startSession("/auth/register", user));

  async function startSession(path, body) {
    const content = await send("POST", path, { body, member: "access_token" });
    acceptTokens(randomKey(), content);
    return content.user;
  }

  const logout = () => withLock(() => send("POST", "/auth/logout")).then(clearSession);
  const logoutEverywhere = () => withSession(() => send("POST", "/auth/logout-all").then(clearSession));

  const refreshAccess = () => (refreshing ??= withLock(refresh).catch(nullIfEnded).finally(() => (refreshing = null)));

  /** Requires the lock. @throws {AuthError} for a session that has ended, too; this page is signed out by then */
  async function refresh() {
    const known = stored() ?? store({ session: randomKey(), rotation: UNCONFIRMED, key: randomKey() });
    let content;
    try {
      content = await rotate(known, "/auth/refresh");
    } catch (error) {
      if (isSessionEnd(error)) clearSession();
      throw error;
    }
    // Another tab signed in or out before the response arrived.
    if (stored()?.session !== known.session) return stored() ? refresh() : null;
    return content.access_token;
  }

  /** Makes a request that replaces the refresh token. The key allows a retry of a lost response. Requires the lock. */
  async function rotate({ session, key }, path, body) {
    const content = await send("POST", path, { headers: { "Idempotency-Key": key }, body, member: "access_token" });
    // Otherwise these tokens belong to a session that another tab has replaced.
    if (stored()?.session === session) acceptTokens(session, content);
    return content;
  }

  function acceptTokens(session, { rotation, access_token: token, expires_in: seconds, user }) {
    const known = stored();
    // A delayed response must not replace the key stored for a later rotation.
    if (known?.session !== session || known.rotation < rotation) store({ session, rotation, key: randomKey() });
    const lifetime = seconds * 1000;
    const expiresAt = Date.now() + lifetime;
    access = { session, token, user, expiresAt, renewAt: expiresAt - Math.min(RENEW_AHEAD_MS, lifetime / 10) };
    notify();
  }

  const reauthenticate = (password) =>
    withSession(() => rotate(stored(), "/auth/reauthenticate", { password })).then((content) => content.user);

  async function changePassword(current_password, new_password, { endOtherSessions = true } = {}) {
    const body = { current_password, new_password, end_other_sessions: endOtherSessions };
    const change = () => rotate(stored(), "/auth/password", body);
    // If only the response was lost, the old refresh token is valid for nothing but a retry.
    const retryIfLost = (error) => (error.code === "unreachable" ? change() : Promise.reject(error));
    await withSession(() => change().catch(retryIfLost));
  }

  async function deleteAccount() {
    try {
      await withSession(() => send("DELETE", "/auth/me").then(clearSession));
    } catch (error) {
      // An earlier call deleted the user, but its response was lost.
      if (error.reason !== "user_deleted") throw error;
    }
  }

  async function sessions(options) {
    const page = await withSession(() => send("GET", paged("/auth/sessions", options), { member: "sessions" }));
    currentId = page.sessions.find((session) => session.current)?.id ?? currentId;
    return page;
  }

  function endSession(id) {
    return withSession(async () => {
      await send("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
      if (id === currentId) clearSession();
    });
  }

  const events = (options) => withSession(() => send("GET", paged("/auth/events", options), { member: "items" }));

  function clearSession() {
    access = null;
    currentId = null;
    store(null);
    notify();
  }

  async function accessToken() {
    if (!isLoggedIn()) return null;
    const current = access?.session === stored()?.session ? access : null;
    if (current && Date.now() < current.renewAt) return current.token;
    try {
      return await refreshAccess();
    } catch (error) {
      if (!current || Date.now() >= current.expiresAt) throw error;
      current.renewAt = Math.min(Date.now() + RENEW_AGAIN_MS, current.expiresAt);
      return current.token;
    }
  }

  /** Returns another token than this one, which an API has rejected. */
  const replaceToken = (rejected) => (access?.token === rejected ? refreshAccess() : accessToken());

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

  // A page restored from the back-forward cache has missed changes by other tabs.
  globalThis.addEventListener?.("pageshow", syncWithOtherTabs);

  function syncWithOtherTabs() {
    if (stored()?.session === shownSession) return;
    shownSession = stored()?.session;
    access = null;
    if (isLoggedIn()) refreshAccess().catch(notify);
    else notify();
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
      return await navigator.locks.request(sharedName, { signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) }, run);
    } catch (error) {
      if (isRunning) throw error;
      // The browser has no Web Locks or blocks them, or a tab holds the lock too long. Take turns in this page only.
      return (lastTask = lastTask.then(run, run));
    }
  }

  /**
   * Calls the server for the session that this page shows. Holds the lock: a call that overlaps with another tab's
   * refresh could present a superseded token, which the server treats as reuse.
   */
  function withSession(call) {
    const session = shownSession;
    const callIfShown = () => {
      // Another user signed in while this call waited for the lock. The cookie is now theirs.
      const isShown = isLoggedIn() && stored()?.session === session;
      if (!isShown) throw new AuthError({ code: "session_ended", detail: "The session has ended. Sign in again." });
      return call();
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
    if (!globalThis.location) throw new Error(NO_PAGE);
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
    const content = attempt(() => JSON.parse(text)) ?? {};
    if (response.ok && content[member]) return content;
    if (!response.ok && typeof content.code === "string") throw new AuthError({ ...content, status: response.status });
    const detail = "The response does not come from the auth server.";
    throw new AuthError({ status: response.status, code: "unexpected_answer", detail });
  }

  return {
    login, register, logout, logoutEverywhere, refreshAccess, accessToken, replaceToken, isLoggedIn, user, onChange,
    reauthenticate, changePassword, deleteAccount, sessions, endSession, events,
  };
}

/** Whether the server reported that the session has ended. No other error, and no lost response, means that. */
const isSessionEnd = ({ status, code }) => status === 401 && (code === "session_ended" || code === "missing_token");

function nullIfEnded(error) {
  if (!isSessionEnd(error)) throw error;
  return null;
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

/** Adds those of the options that are set to the query. */
function paged(path, { limit, cursor } = {}) {
  const query = Object.entries({ limit, cursor }).filter(([, value]) => value !== undefined);
  return query.length > 0 ? `${path}?${new URLSearchParams(query)}` : path;
}

/** Rejects as soon as the signal is aborted. The task continues: other callers may wait for it, too. */
function unlessAborted(signal, task) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    task().then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * The record `{ session, rotation, key }` that tabs share; null if no session is known. It is in localStorage. While
 * that is blocked or full, it is in memory, and a BroadcastChannel takes it to the other open tabs.
 */
function openSharedRecord(name, onChange) {
  /** The record, or null, that could not be written to localStorage; undefined if the last change was written. */
  let unsaved;
  const channel = attempt(() => new BroadcastChannel(name));
  if (channel) {
    channel.unref?.(); // Otherwise Node.js would not exit.
    channel.onmessage = ({ data }) => {
      if (!isOlder(data.unsaved, read())) unsaved = data.unsaved;
      onChange();
    };
  }
  globalThis.addEventListener?.("storage", onChange);

  const read = () =>
    attempt(() => asRecord(unsaved === undefined ? JSON.parse(localStorage.getItem(name)) : unsaved)) ?? null;

  function write(record) {
    unsaved = record;
    attempt(() => {
      if (record) localStorage.setItem(name, JSON.stringify(record));
      else localStorage.removeItem(name);
      unsaved = undefined;
    });
    attempt(() => channel.postMessage({ unsaved }));
    return record;
  }

  return { read, write };
}

function asRecord({ session, rotation, key }) {
  const isValid = typeof session === "string" && Number.isSafeInteger(rotation) && /^[\w-]{22,64}$/.test(key);
  return isValid ? { session, rotation, key } : null;
}

/** Whether a record is of an earlier rotation. Of two keys for one rotation, all tabs keep the same one. */
function isOlder(record, known) {
  if (!record || record.session !== known?.session) return false;
  return record.rotation < known.rotation || (record.rotation === known.rotation && record.key > known.key);
}

/** Browsers block storage, channels and more in some pages. Returns undefined if `task` throws. */
function attempt(task) {
  try {
    return task();
  } catch {
    return undefined;
  }
}
