/**
 * The URL to return to after login: everything after `?return=`, as the proxy received it. It is not percent-encoded
 * again, because nginx cannot do that.
 *
 * Anyone can create such a link. The URL must therefore stay on this host, and must not lead to this page, which would
 * be a redirect loop. Other values lead to the site's root.
 *
 * @param {{ origin: string, search: string, hash?: string }} location
 * @returns {URL}
 */
export function returnTarget({ origin, search, hash = "" }) {
  const home = new URL("/", origin);
  const text = search.startsWith("?return=") ? search.slice("?return=".length) + hash : "";
  if (!/^\/(?![/\\])/.test(text) || /[\\\u0000-\u0020\u007f]/.test(text)) return home;
  let target;
  try {
    target = new URL(text, origin);
  } catch {
    return home;
  }
  const isAllowed = target.origin === home.origin && !/^\/(?:login|auth)(?:\/|$)/.test(target.pathname);
  return isAllowed ? target : home;
}
