/**
 * Where to go once somebody is logged in: what stands behind `?return=`, to the end, as the proxy got it. It is not
 * encoded once more, as nginx cannot do that.
 *
 * Anybody can write such a link, so that it must lead nowhere but to this host, and not to this page, which would lead
 * there again.
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
  const isGood = target.origin === home.origin && !/^\/(?:login|auth)(?:\/|$)/.test(target.pathname);
  return isGood ? target : home;
}
