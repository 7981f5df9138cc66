/** Texts for errors that have a reason or need an explanation. */
const ERRORS = {
  reuse_detected: "Reuse detected: session ended",
  logged_out: "Rejected: signed out",
};

/**
 * Explains a response.
 *
 * @param session  the generations issued so far; adds the new one
 * @returns `{ verdict, kind, before, after }`: a text, `good`, `warn` or `bad`, and the generations of the refresh token
 */
export function judge({ method, path, before, isAuthServer }, { status, content }, session) {
  if (status === undefined) return { verdict: "No response", kind: "bad", before };
  if (status >= 400) {
    const name = content?.reason ?? content?.code ?? status;
    return { verdict: ERRORS[name] ?? `Rejected: ${name}`, kind: status < 500 ? "bad" : "warn", before };
  }
  const after = isAuthServer ? content?.rotation : undefined;
  if (after !== undefined) return judgeTokens(after, session);
  if (path.startsWith("/auth/logout")) return { verdict: "Session ended", kind: "warn" };
  if (method === "DELETE" && path !== "/auth/email/pending") {
    return { verdict: path === "/auth/me" ? "User deleted" : "Session ended", kind: "warn" };
  }
  return { verdict: "Accepted", kind: "good" };
}

function judgeTokens(after, session) {
  if (after === 0) {
    session.issued = new Set([after]);
    return { verdict: "Session started", kind: "good", after };
  }
  const isRepeated = session.issued.has(after);
  session.issued.add(after);
  // The successor of a token is always the next generation.
  const generations = { before: after - 1, after };
  if (isRepeated) return { verdict: "Redelivered: the same successor", kind: "warn", ...generations };
  return { verdict: "Rotated", kind: "good", ...generations };
}

/** "generation 3 → 4", or an empty text. */
export function describeGenerations({ before, after }) {
  if (before === undefined && after === undefined) return "";
  return `generation ${[before, after].filter((one) => one !== undefined).join(" → ")}`;
}
