import { webcrypto } from "node:crypto";

// Node 18 has it under another name only.
globalThis.crypto ??= webcrypto;

/**
 * What a client finds in a browser: localStorage, events, and Web Locks, all of which the clients of a test share as
 * the tabs of a browser do. A change of localStorage is told to all of them a moment later. (A browser spares the tab
 * that made it; that one knows already, so it makes no difference.)
 */
export function browser(t, { locks = true } = {}) {
  const items = new Map();
  const events = new EventTarget();
  const tell = () => queueMicrotask(() => events.dispatchEvent(new Event("storage")));
  const globals = {
    localStorage: {
      getItem: (name) => items.get(name) ?? null,
      setItem: (name, value) => (items.set(name, value), tell()),
      removeItem: (name) => (items.delete(name), tell()),
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

/** Moves the clock that clients read: `later(ms)`. */
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
