// Short messages about what has happened, some with an undo.
import { createStore, html, useEffect, useState, useStore } from "./ui.js";

const SHOWN_MS = { message: 5_000, action: 12_000 };

const toasts = createStore({ shown: [] });
let lastKey = 0;

/** @param [action] `{ label, run }`, for example an undo */
export function toast(text, action) {
  const key = (lastKey += 1);
  // At most three are visible.
  toasts.set({ shown: [...toasts.get().shown, { key, text, action }].slice(-3) });
}

const remove = (key) => toasts.set({ shown: toasts.get().shown.filter((one) => one.key !== key) });

/** The region exists from the start, so that screen readers announce what is added to it. */
export function Toasts() {
  const { shown } = useStore(toasts);
  return html`<div class="toasts" role="status">${shown.map((one) => html`<${Toast} key=${one.key} toast=${one} />`)}</div>`;
}

function Toast({ toast: { key, text, action } }) {
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(remove, action ? SHOWN_MS.action : SHOWN_MS.message, key);
    return () => clearTimeout(timer);
  }, [isHeld]);
  const run = () => {
    remove(key);
    action.run();
  };
  const hold = { onMouseEnter: () => setHeld(true), onMouseLeave: () => setHeld(false), onFocusIn: () => setHeld(true), onFocusOut: () => setHeld(false) };
  return html`
    <div class="toast" ...${hold}>
      <span dir="auto">${text}</span>
      ${action && html`<button class="small quiet" onClick=${run}>${action.label}</button>`}
      <button class="icon" aria-label="Close message" onClick=${() => remove(key)}>✕</button>
    </div>
  `;
}
