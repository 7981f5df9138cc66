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

/**
 * Simulates a browser whose tabs are visible pages. Time stands still until `advance` is called, which waits for the
 * requests that the timers start. `setVisibility` takes "visible" or "hidden".
 */
export function page(t, options) {
  const simulated = browser(t, options);
  const document = new EventTarget();
  document.visibilityState = "visible";
  replaceGlobal(t, "document", { value: document });
  const setVisibility = (visibilityState) => {
    document.visibilityState = visibilityState;
    document.dispatchEvent(new Event("visibilitychange"));
  };

  const move = clock(t);
  const { setTimeout: realTimeout, clearTimeout: realClear, fetch: realFetch } = globalThis;
  /** When each timer fires, and what it does. */
  const timers = new Map();
  let now = 0;
  let count = 0;
  // The timers of Node's own fetch run in real time.
  const setTimer = (task, delay = 0, ...rest) => {
    if (!new Error().stack.includes("/client/session.js")) return realTimeout(task, delay, ...rest);
    timers.set((count += 1), { at: now + Math.max(0, delay), task });
    return count;
  };
  const clearTimer = (timer) => timers.delete(timer) || realClear(timer);
  replaceGlobal(t, "setTimeout", { value: setTimer, writable: true });
  replaceGlobal(t, "clearTimeout", { value: clearTimer, writable: true });

  let pending = 0;
  const countedFetch = async (...call) => {
    pending += 1;
    try {
      const response = await realFetch(...call);
      const { status, headers } = response;
      return new Response((await response.text()) || null, { status, headers });
    } finally {
      pending -= 1;
    }
  };
  replaceGlobal(t, "fetch", { value: countedFetch, writable: true });
  const settled = async () => {
    let idle = 0;
    while ((idle = pending > 0 ? 0 : idle + 1) < 5) await new Promise((resolve) => setImmediate(resolve));
  };

  const advance = async (ms) => {
    const end = now + ms;
    for (;;) {
      const [next] = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      const [timer, { at, task }] = next;
      timers.delete(timer);
      move(at - now);
      now = at;
      task();
      await settled();
    }
    move(end - now);
    now = end;
    await settled();
  };
  return { ...simulated, windowEvents: simulated.events, setVisibility, advance };
}

let tabs = 0;

/** Opens a tab or reloads one: another instance of the module, and its client of the server. */
export async function openTab(server) {
  const { createAuthClient } = await import(`../auth.js?tab=${(tabs += 1)}`);
  return createAuthClient({ authUrl: server.url, apiOrigins: [server.url] });
}

/** Whether a user is signed in, or will be once the first refresh has succeeded. */
export const isSignedIn = ({ state }) => state.status !== "signed-out";

/** The user after the next change, apart from that to "loading". */
export function nextChange(auth) {
  return new Promise((resolve) => {
    const stop = auth.subscribe(({ status, user }) => {
      if (status === "loading") return;
      stop();
      resolve(user);
    });
  });
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

/**
 * Replaces the clock and the timers of the page. Returns a function that advances them by a number of milliseconds.
 * Timers of other code in this process stand still, too.
 */
export function clock(t) {
  let now = Math.floor(performance.now());
  t.mock.method(performance, "now", () => now);
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

/** An object with the methods of localStorage. */
export function memory() {
  const items = new Map();
  return {
    items,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, value),
    removeItem: (name) => items.delete(name),
  };
}
