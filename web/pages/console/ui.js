// Preact, its hooks and htm under one name, and the stores that components share.
import { h } from "../vendor/preact.js";
import { useLayoutEffect, useReducer } from "../vendor/hooks.js";
import htm from "../vendor/htm.js";

export { render } from "../vendor/preact.js";
export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";

/** Makes elements from a template: html`<p class="hint">${text}</p>` */
export const html = htm.bind(h);

/** A value outside of components. `set` merges its argument into the value. */
export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(change) {
      if (Object.keys(change).every((name) => Object.is(change[name], value[name]))) return;
      value = { ...value, ...change };
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Draws the component again when the store changes. */
export function useStore(store) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => store.subscribe(redraw), [store]);
  return store.get();
}

/** Joins the class names that are set. */
export const classes = (...names) => names.filter(Boolean).join(" ");
