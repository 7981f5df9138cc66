// Where the user goes after signing in.
import { authUrl, options } from "./page.js";
import { ifPossible } from "./pending_code.js";

/** A browser that comes back within this time was sent away again: another redirect would be a loop. */
const LOOP_MS = 10_000;
const RESPONSE_TIMEOUT_MS = 15_000;
const LAST = "latchkey:returned";

/** With the fragment that the browser kept over the redirect to this page. */
export const next = options.next && withFragment(new URL(options.next, authUrl));

/**
 * Leaves this page, unless the other one has just sent the browser here.
 *
 * @param {{ isRetry?: boolean }} [options]  `isRetry`: the user asked for it
 * @returns {Promise<boolean>} whether the browser leaves
 */
export async function leave({ isRetry = false } = {}) {
  if (!next) return false;
  const [last, at] = ifPossible(() => sessionStorage.getItem(LAST))?.split(" ") ?? [];
  const isLoop = !isRetry && last === next.href && Math.abs(Date.now() - at) < LOOP_MS;
  if (isLoop || !(await hasAccess())) return false;
  ifPossible(() => sessionStorage.setItem(LAST, `${next.href} ${Date.now()}`));
  location.replace(next.href);
  return true;
}

/** Whether the proxy of the site accepts the access cookie. Applications with another origin and the account need none. */
async function hasAccess() {
  const isProtected = options.tokenDelivery && "isReturn" in options && next.origin === new URL(authUrl).origin;
  if (!isProtected) return true;
  const request = { cache: "no-store", signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS) };
  const response = await fetch(new URL("login/session", authUrl), request).catch(() => null);
  return response?.status === 204;
}

function withFragment(url) {
  // The pages of mailed links have a token there.
  if ("isReturn" in options && !url.hash && location.pathname.endsWith("/login")) url.hash = location.hash;
  return url;
}

/** The sign-in page asks for the second factor. */
export function completeOnLoginPage() {
  location.assign(`login${location.search}`);
}
