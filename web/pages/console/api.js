// Calls of the auth server, with the session in the cookie.
import { createAuthClient } from "../../client/auth.js";
import { withFactors } from "../../client/factors.js";
import { askProof } from "./proof_dialog.js";

const TIMEOUT_MS = 15_000;

/** The auth server: an issuer may have a path. */
export const base = new URL("../../", import.meta.url);
export const auth = withFactors(createAuthClient({ authUrl: base.href }));
const STEP_UP = ["fresh_login_required", "stronger_login_required"];

/** A failed call. `status` is 0 if there was no response. */
export class ApiError extends Error {
  constructor(status, { code, title, detail, fields = {}, retry_after: retryAfter } = {}) {
    super(detail ?? title ?? "The server sent an unexpected response.");
    Object.assign(this, { status, code: code ?? "unexpected_response", fields, retryAfter });
  }

  /** What is wrong with this member of the body, or with a part of it. */
  at(field) {
    const messages = Object.entries(this.fields).filter(([name]) => name.split(/[.[]/)[0] === field);
    return messages.map(([, message]) => message).join("; ");
  }
}

/** Makes a URL of a path and those members of the query that are set. Arrays become repeated members. */
export function url(path, query = {}) {
  const result = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") result.searchParams.append(name, one);
  }
  return result.href;
}

export const get = (path, query, options) => request("GET", url(path, query), options);

/** Changes something. Asks who it is if the server requires a fresh or a stronger login, and repeats the call. */
export async function change(method, path, body) {
  for (;;) {
    try {
      return await request(method, url(path), { body });
    } catch (error) {
      if (!STEP_UP.includes(error.code)) throw error;
      if (!(await stepUp(error.code))) throw new ApiError(0, { code: "cancelled", detail: "Not done: you did not confirm that it is you." });
    }
  }
}

/** Asks for the second factor, or for the password of a user without one. @returns whether it was right */
export async function stepUp(code) {
  // The record of the session may be gone although the cookie is there.
  if (auth.state.status !== "signed-in") await auth.refreshAccess();
  const isStrong = auth.state.user?.second_factor || code === "stronger_login_required";
  return askProof({ isStrong, confirm: (proof) => auth.reauthenticate(proof) });
}

/** @throws {ApiError}, or the reason of the signal */
async function request(method, href, { body, signal, timeout = TIMEOUT_MS, isRetry = false } = {}) {
  const limit = AbortSignal.timeout(timeout);
  const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
  const init = { method, headers, body: body && JSON.stringify(body), signal: signal ? AbortSignal.any([signal, limit]) : limit };
  let response, text;
  try {
    response = await fetch(href, init);
    text = await response.text();
  } catch {
    signal?.throwIfAborted();
    throw new ApiError(0, { code: "unreachable", detail: "The server cannot be reached." });
  }
  if (response.status === 204 || response.status === 202) return null;
  const content = parse(text);
  if (response.ok && content) return content;
  // Another tab may have rotated the session: a refresh finds out whether it still exists.
  const mayRefresh = response.status === 401 && !isRetry && auth.state.status !== "signed-out";
  if (mayRefresh && (await auth.refreshAccess().catch(() => null))) {
    return request(method, href, { body, signal, timeout, isRetry: true });
  }
  throw new ApiError(response.status, content ?? undefined);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
