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
import { isPage, unlessAborted } from "./server.js";
import { openSession } from "./session.js";

export { AuthError } from "./server.js";

/** Resolves relative URLs where the page has no origin. No such host exists. */
const NO_ORIGIN = "https://page.invalid";

/** The sessions of this page with their options. Clients with the same options share one. */
const openSessions = [];

/** Looked up at each call: tools for tests and tracing replace it. */
const globalFetch = (...call) => globalThis.fetch(...call);

/** @param {import("./auth.js").AuthClientOptions} [options] */
export function createAuthClient({
  authUrl = "/",
  apiOrigins = ["/"],
  tokenDelivery = "refresh_cookie",
  audience,
  storage,
  fetch = globalFetch,
  onFreshLogin,
} = {}) {
  // A server that renders pages has no location, and sandboxed frames have the origin "null".
  const { origin = "null" } = globalThis.location ?? {};
  const absolute = (url) => new URL(url, origin === "null" ? NO_ORIGIN : origin);
  const server = absolute(authUrl).href.replace(/\/+$/, "");
  const trusted = apiOrigins.map((url) => absolute(url).origin);
  const { state, on, ready, access, claims, ...calls } = sharedSession({ server, tokenDelivery, audience, storage, fetch });
  /** The pending request for the password. */
  let asking = null;

  async function authFetch(input, init) {
    // No cookies unless requested: an API on the same host must not receive the refresh token. A Request does not show
    // whether its caller or the default set "same-origin".
    const credentials = init?.credentials ?? (input.credentials === "include" ? "include" : "omit");
    // Overriding an option of a Request would reset these two.
    const { referrer, referrerPolicy } = input;
    const request = new Request(input, { referrer, referrerPolicy, ...init, credentials });
    const target = new URL(request.url).origin;
    if (!trusted.includes(target)) throw new TypeError(`${target} is not in apiOrigins`);

    const { signal } = request;
    let current = await unlessAborted(signal, access);
    const send = () => fetch(authorized(request.clone(), current));
    let response = await send();
    if (response.status === 401) {
      // Retry once with another token. If the API rejects that one, too, return its response.
      const renewed = await unlessAborted(signal, access, current);
      if (renewed && renewed !== current) {
        current = renewed;
        response = await send();
      }
    }
    if (onFreshLogin && (await requiresFreshLogin(response)) && (await unlessAborted(signal, confirmPassword))) {
      current = await unlessAborted(signal, access);
      response = await send();
    }
    return response;
  }

  /** Asks for the password until it is correct. Concurrent calls share one question. @returns false if cancelled */
  const confirmPassword = () => (asking ??= askForPassword().finally(() => (asking = null)));

  async function askForPassword(error) {
    const password = await onFreshLogin({ user: state().user, error });
    if (!password) return false;
    try {
      await calls.reauthenticate(password);
      return true;
    } catch (failure) {
      if (!/^(invalid_c|unreachable)/.test(failure.code)) throw failure;
      return askForPassword(failure);
    }
  }

  // Any call can require a recent login. It is repeated after the user has given the password.
  for (const [name, call] of Object.entries(calls)) {
    calls[name] = (...args) =>
      call(...args).catch(async (error) => {
        if (!onFreshLogin || error.code !== "fresh_login_required" || !(await confirmPassword())) throw error;
        return call(...args);
      });
  }

  return {
    get state() {
      return state();
    },
    subscribe: (listener) => on("change", () => listener(state())),
    on,
    ready,
    claims,
    hasRole: (role) => state().user?.roles.includes(role) ?? false,
    ...calls,
    accessToken: async () => (await access())?.token ?? null,
    authFetch,
  };
}

/** Only pages share sessions. In a process that serves several users, sharing would mix them up. */
function sharedSession(options) {
  if (!isPage()) return openSession(options);
  const names = Object.keys(options);
  let found = openSessions.find((open) => names.every((name) => open.options[name] === options[name]));
  if (!found) openSessions.push((found = { options, session: openSession(options) }));
  return found.session;
}

/** Adds the access token, or what a resource server requires to read it from the cookie. */
function authorized(request, access) {
  if (access?.token) request.headers.set("Authorization", `Bearer ${access.token}`);
  if (!access?.csrf) return request;
  if (!/^(GET|HEAD|OPTIONS)$/.test(request.method)) request.headers.set("X-CSRF-Token", access.csrf);
  const { referrer, referrerPolicy } = request;
  return new Request(request, { credentials: "include", referrer, referrerPolicy });
}

async function requiresFreshLogin(response) {
  if (response.status !== 403) return false;
  const problem = await response.clone().json().catch(() => {});
  return problem?.code === "fresh_login_required";
}
