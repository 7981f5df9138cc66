import { webcrypto } from "node:crypto";

// Node 18 has no global `crypto`.
globalThis.crypto ??= webcrypto;

/**
 * Simulates a browser: localStorage, events and Web Locks. All tabs of a test share them. BroadcastChannel is that of
 * Node.js.
 *
 * Each change of localStorage dispatches a `storage` event to all tabs. A real browser skips the tab that made the
 * change. The client ignores events about its own session, so this makes no difference.
 */
export function browser(t, { locks = true } = {}) {
  const items = new Map();
  const events = new EventTarget();
  const notify = () => queueMicrotask(() => events.dispatchEvent(new Event("storage")));
  const globals = {
    localStorage: {
      getItem: (name) => items.get(name) ?? null,
      setItem: (name, value) => (items.set(name, value), notify()),
      removeItem: (name) => (items.delete(name), notify()),
    },
    addEventListener: events.addEventListener.bind(events),
    location: { origin: "http://localhost:3000" },
    navigator: locks ? { locks: { request: oneAtATime() } } : {},
  };
  for (const [name, value] of Object.entries(globals)) replaceGlobal(t, name, { value, writable: true });
  return { items, events };
}

let tabs = 0;

/** Opens a tab or reloads one: another instance of the module, and its client of the server. */
export async function openTab(server) {
  const { createAuthClient } = await import(`../auth.js?tab=${(tabs += 1)}`);
  return createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
}

/** Makes every access to a global fail, as browsers do for features that they block. */
export function block(t, name) {
  const get = () => {
    throw new DOMException("The browser blocks it.", "SecurityError");
  };
  replaceGlobal(t, name, { get });
}

function replaceGlobal(t, name, descriptor) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { ...descriptor, configurable: true });
  t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
}

/** Replaces `Date.now`. Returns a function that advances it by a number of milliseconds. */
export function clock(t) {
  let now = Date.now();
  t.mock.method(Date, "now", () => now);
  return (ms) => {
    now += ms;
  };
}

function oneAtATime() {
  let last = Promise.resolve();
  return (_name, _options, task) => {
    const mine = last.then(task);
    last = mine.catch(() => {});
    return mine;
  };
}
