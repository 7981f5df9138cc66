import { webcrypto } from "node:crypto";

// Node 18 has no global `crypto`.
globalThis.crypto ??= webcrypto;

/**
 * Simulates a browser: localStorage, events and Web Locks. All clients of a test share them, as tabs do.
 *
 * Each change of localStorage dispatches a `storage` event to all clients. A real browser skips the tab that made the
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
    navigator: locks ? { locks: { request: oneAtATime() } } : {},
  };
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
  return { items, events };
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
