/** Timeout of a call to the auth server. */
const RESPONSE_TIMEOUT_MS = 15_000;
const NO_PAGE = 'Outside of web pages, use tokenDelivery: "body".';

/**
 * A failed call to the auth server.
 *
 * `code` is the server's problem code, such as `invalid_credentials`. Further codes come from this client: `unreachable`
 * (no response), `unexpected_response` (a response that is not the auth server's), and those of the browser's passkeys.
 *
 * Only `session_ended` and `missing_token` mean that the session has ended; the state is then `signed-out`. Other
 * errors, such as a wrong password, leave the session active.
 */
export class AuthError extends Error {
  /** @param {{ status?: number, code: string, detail?: string, title?: string, reason?: string, fields?: object,
   *   errors?: object[], retry_after?: number, attempts_left?: number, continuation?: string }} problem
   *   problem details (RFC 9457); `retry_after` in seconds */
  constructor({ detail, title, retry_after: retryAfter, attempts_left: attemptsLeft, ...problem }, options) {
    super(detail ?? title ?? problem.code, options);
    Object.assign(this, { status: 0, ...problem, name: "AuthError", retryAfter, attemptsLeft });
  }
}

/** Whether this is a page or a worker. Other programs have no cookies, no other tabs and no end of a visit. */
export const isPage = () => globalThis.location && globalThis.addEventListener;

/** Browsers block storage, channels and more in some pages. Returns undefined if `task` throws. */
export function attempt(task) {
  try {
    return task();
  } catch {
    return undefined;
  }
}

/** Rejects as soon as the signal of a Request is aborted. The task continues: other callers may wait for it, too. */
export async function unlessAborted(signal, task, argument) {
  signal.throwIfAborted();
  return Promise.race([new Promise((_, reject) => (signal.onabort = () => reject(signal.reason))), task(argument)]);
}

/**
 * @param {string} server URL of the auth server
 * @param {() => string | undefined} [refreshToken] for the token delivery "body"; otherwise cookies contain it
 * @returns a function that makes a call
 */
export function connect(server, fetch, refreshToken) {
  /** @returns the JSON body, which must contain `member` if it is given; null for 204. @throws {AuthError} */
  return async function send(method, path, { body, headers = {}, member } = {}) {
    if (!refreshToken && !isPage()) throw new Error(NO_PAGE);
    const token = refreshToken?.();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    let response, text;
    try {
      response = await fetch(server + path, {
        method,
        headers,
        credentials: refreshToken ? "omit" : "include",
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
      });
      text = await response.text();
    } catch (cause) {
      // Browsers do not tell scripts whether the server is down or has rejected the page's origin.
      const { origin } = globalThis.location ?? {};
      const isForeign = origin && origin !== new URL(server).origin;
      const detail = `The auth server cannot be reached${isForeign ? `, or rejects the origin ${origin}` : ""}.`;
      throw new AuthError({ code: "unreachable", detail }, { cause });
    }
    const { ok, status } = response;
    const content = status === 204 ? null : attempt(() => JSON.parse(text));
    if (ok && (member ? content?.[member] : content) !== undefined) return content;
    const unexpected = { code: "unexpected_response", detail: "The response is not the auth server's." };
    throw new AuthError({ ...(!ok && content?.code ? content : unexpected), status });
  };
}
