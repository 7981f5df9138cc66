/**
 * Logs people in to an auth server, and calls APIs in their name.
 *
 * The access token is kept in memory and nowhere else; the refresh token is in an HttpOnly cookie, which no script can
 * read. localStorage holds neither. It holds that somebody is logged in, so that a reload knows whether to ask, and
 * the Idempotency-Key of the next refresh, so that an answer which got lost can be asked for again, by any tab.
 *
 *     const auth = createAuthClient({ authUrl: "https://auth.example.org", apiOrigins: ["https://api.example.org"] });
 *     await auth.login({ email, password });
 *     const answer = await auth.authFetch("https://api.example.org/protected");
 *
 * @module
 */

/** An access token is renewed this long before it expires, or in the last tenth of its life if that is shorter. */
const RENEW_AHEAD_MS = 30_000;
/** As long as a token is good, a renewal that failed is not tried again before this. */
const RENEW_AGAIN_MS = 5_000;
/** How long the auth server may take to answer. */
const ANSWER_TIMEOUT_MS = 15_000;
/** How long a tab waits for another one to finish. Then it goes ahead: the server copes with tabs that race. */
const TURN_TIMEOUT_MS = 20_000;
/** The rotation of a session of which the server has not said yet that it is there. */
const UNKNOWN = -1;
/** The session for which a call was to be made is not there any more. */
const OVER = { code: "session_ended", detail: "The session has ended: log in again." };

/**
 * A call to the auth server that did not succeed.
 *
 * `code` is the server's, such as `invalid_credentials`; or `unreachable`, where there was no answer; or
 * `unexpected_answer`, where it was not the auth server's. Whether the session is over, `isLoggedIn` tells, and no code
 * but `session_ended` and `missing_token` of an account call: a wrong password, for one, logs nobody out.
 */
export class AuthError extends Error {
  /** @param {{ status?: number, code: string, detail?: string, title?: string, reason?: string, fields?: object,
   *   retry_after?: number }} problem  problem details (RFC 9457); seconds */
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
 * @param {string} [options.authUrl] where the auth server is; by default, where the page is from
 * @param {string[]} [options.apiOrigins] where access tokens may be sent to; by default, where the page is from
 */
export function createAuthClient({ authUrl = location.origin, apiOrigins = [location.origin] } = {}) {
  const server = authUrl.replace(/\/+$/, "");
  const trusted = new Set(apiOrigins.map((url) => new URL(url).origin));
  const place = `latchkey:${server}`;
  const storage = openStorage();
  const changes = new EventTarget();

  /** @type {{ session: string, token: string, user: object, renewAt: number, expiresAt: number } | null} */
  let access = null;
  /** The one refresh of this tab that is under way. */
  let refreshing = null;
  /** The session that this tab has last heard of. */
  let heardOf = kept()?.session;
  /** The server's name for the session, if it was in a list. */
  let ownId = null;

  const login = (credentials) => inTurn(() => open("/auth/login", credentials));
  const register = (person) => inTurn(() => open("/auth/register", person));

  async function open(path, body) {
    const answer = await send("POST", path, { body, member: "access_token" });
    accept(randomKey(), answer);
    return answer.user;
  }

  async function logout() {
    await inTurn(() => send("POST", "/auth/logout"));
    forget();
  }

  const logoutEverywhere = () => withSession(() => send("POST", "/auth/logout-all").then(forget));

  function refreshAccess() {
    refreshing ??= inTurn(refresh)
      .catch((error) => {
        if (!isVerdict(error)) throw error;
        return null;
      })
      .finally(() => {
        refreshing = null;
      });
    return refreshing;
  }

  /** In turn. @throws {AuthError} the verdict, too, of which everybody has heard by then */
  async function refresh() {
    const { session, key } = kept() ?? keep({ session: randomKey(), rotation: UNKNOWN, key: randomKey() });
    let answer;
    try {
      answer = await send("POST", "/auth/refresh", { headers: { "Idempotency-Key": key }, member: "access_token" });
    } catch (error) {
      if (isVerdict(error)) forget();
      throw error;
    }
    // While the answer was under way, another tab has logged in or out: what came is no longer what counts.
    if (kept()?.session !== session) return kept() ? refresh() : null;
    accept(session, answer);
    return answer.access_token;
  }

  /** The tokens of an answer are ours from now on. */
  function accept(session, answer) {
    const { rotation } = answer;
    const known = kept();
    // An answer that was overtaken by a later one must not put its key in the place of the later one's.
    if (known?.session !== session || known.rotation < rotation) keep({ session, rotation, key: randomKey() });
    take(session, answer);
  }

  function take(session, { access_token: token, expires_in: seconds, user }) {
    const life = seconds * 1000;
    const expiresAt = Date.now() + life;
    access = { session, token, user, expiresAt, renewAt: expiresAt - Math.min(RENEW_AHEAD_MS, life / 10) };
    changed();
  }

  function reauthenticate(password) {
    return withSession(async (session) => {
      const answer = await send("POST", "/auth/reauthenticate", { body: { password }, member: "access_token" });
      // Its rotation is not noted: if it is news, the answer to a refresh got lost, and the key is still needed.
      take(session, answer);
      return answer.user;
    });
  }

  function changePassword(current_password, new_password, { endOtherSessions: end_other_sessions = true } = {}) {
    return withSession(async () => {
      await send("POST", "/auth/password", { body: { current_password, new_password, end_other_sessions } });
      // The access token is out of date from now on. If no other is to be had at present, the next call tries again:
      // the password is changed all the same.
      if (access) access.renewAt = 0;
      await refresh().catch(() => {});
    });
  }

  async function deleteAccount() {
    try {
      await withSession(() => send("DELETE", "/auth/me").then(forget));
    } catch (error) {
      // It was done the time before, and nobody has heard of it.
      if (error.reason !== "user_deleted") throw error;
    }
  }

  async function sessions() {
    const { sessions: all } = await withSession(() => send("GET", "/auth/sessions", { member: "sessions" }));
    ownId = all.find((session) => session.current)?.id ?? null;
    return all;
  }

  function endSession(id) {
    return withSession(async () => {
      await send("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
      if (id === ownId) forget();
    });
  }

  function events({ limit, cursor } = {}) {
    const page = Object.entries({ limit, cursor }).filter(([, value]) => value !== undefined);
    return withSession(() => send("GET", `/auth/events?${new URLSearchParams(page)}`, { member: "items" }));
  }

  function forget() {
    access = null;
    ownId = null;
    storage.removeItem(place);
    changed();
  }

  async function accessToken() {
    if (!isLoggedIn()) return null;
    const current = access?.session === kept().session ? access : null;
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
    // No cookies, unless they are asked for: the refresh token is none of an API's business, even on the same host.
    const request = new Request(input, { credentials: "omit", ...init });
    const { origin } = new URL(request.url);
    if (!trusted.has(origin)) throw new TypeError(`${origin} is not one of apiOrigins: it gets no access token`);

    const token = await accessToken();
    const answer = await fetch(withToken(request.clone(), token));
    if (answer.status !== 401) return answer;
    // Once more with another token, if there is one. Not a third time: an API that refuses that one, too, means it.
    const renewed = access?.token === token ? await refreshAccess() : await accessToken();
    return renewed === null || renewed === token ? answer : fetch(withToken(request, renewed));
  }

  const isLoggedIn = () => (kept()?.rotation ?? UNKNOWN) > UNKNOWN;
  const user = () => access?.user ?? null;

  function onChange(listener) {
    const hear = () => listener(user());
    changes.addEventListener("change", hear);
    return () => changes.removeEventListener("change", hear);
  }

  function changed() {
    heardOf = kept()?.session;
    changes.dispatchEvent(new Event("change"));
  }

  // Other tabs log in and out, too; a page that comes back from the browser's back-forward cache has missed it.
  globalThis.addEventListener?.("storage", lookAround);
  globalThis.addEventListener?.("pageshow", lookAround);

  function lookAround() {
    if (kept()?.session === heardOf) return;
    heardOf = kept()?.session;
    access = null;
    if (isLoggedIn()) refreshAccess().catch(changed);
    else changed();
  }

  /** `{ session, rotation, key }`, the same for all tabs; null where nobody is logged in. */
  function kept() {
    try {
      const { session, rotation, key } = JSON.parse(storage.getItem(place));
      return typeof session === "string" && Number.isSafeInteger(rotation) && /^[\w-]{22,64}$/.test(key)
        ? { session, rotation, key }
        : null;
    } catch {
      return null;
    }
  }

  function keep(session) {
    storage.setItem(place, JSON.stringify(session));
    return session;
  }

  /**
   * One tab after the other: the browser has one cookie for all of them, and an answer that comes late would put
   * an older refresh token in the place of a newer one.
   */
  async function inTurn(task) {
    const { locks } = globalThis.navigator ?? {};
    if (!locks) return task();
    try {
      return await locks.request(place, { signal: AbortSignal.timeout(TURN_TIMEOUT_MS) }, task);
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      return task();
    }
  }

  /**
   * A call for the session that this tab shows. It is made in turn, too: one that came late, with a token that others
   * have spent meanwhile, would look like a theft.
   */
  function withSession(call) {
    const session = heardOf;
    const asShown = () => {
      // While it waited, another tab has logged in somebody else. The cookie is theirs, and so would be what it does.
      if (!isLoggedIn() || kept().session !== session) throw new AuthError(OVER);
      return call(session);
    };
    return inTurn(async () => {
      try {
        return await asShown();
      } catch (error) {
        if (error.status !== 401 || error.code === "invalid_credentials") throw error;
        // The token in the cookie is spent, or the session is over. Which of the two, a refresh finds out.
        await refresh();
        return asShown();
      }
    });
  }

  /** @returns the body of the answer, which is to have that member; or null, for 204. @throws {AuthError} */
  async function send(method, path, { body, headers = {}, member } = {}) {
    const request = { method, credentials: "include", headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { ...headers, "Content-Type": "application/json" };
    }
    let answer, text;
    try {
      answer = await fetch(server + path, request);
      text = await answer.text();
    } catch (cause) {
      throw new AuthError({ code: "unreachable", detail: "The auth server cannot be reached." }, { cause });
    }
    if (answer.status === 204 && !member) return null;
    const content = parsed(text);
    if (answer.ok && content[member]) return content;
    if (!answer.ok && typeof content.code === "string") throw new AuthError({ ...content, status: answer.status });
    const detail = "What answered does not seem to be the auth server.";
    throw new AuthError({ status: answer.status, code: "unexpected_answer", detail });
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

/** Whether the server said that the session is over. No other answer, and no lack of one, says so. */
function isVerdict({ status, code }) {
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

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** localStorage, or where it is forbidden, a stand-in that lasts as long as the page. */
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
