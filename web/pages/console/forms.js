// Fields, buttons and actions with their errors.
import { checkNow } from "./live.js";
import { useLocked } from "./session.js";
import { classes, html, useEffect, useId, useRef, useState } from "./ui.js";

/** A text field with its label, hint and error. */
export function Field({ label, hint, error, value, onInput, multiline, class: name, ...attributes }) {
  const id = useId();
  const locked = useLocked();
  const described = classes(hint && `${id}-hint`, error && `${id}-error`) || null;
  const input = {
    id,
    value,
    onInput: (event) => onInput(event.target.value),
    readOnly: locked,
    "aria-invalid": error ? "true" : null,
    "aria-describedby": described,
    dir: "auto",
    ...attributes,
  };
  return html`
    <div class=${classes("field", name)}>
      <label for=${id}>${label}</label>
      ${multiline ? html`<textarea ...${input}></textarea>` : html`<input ...${input} />`}
      ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
      <p class="error" id="${id}-error" role=${error ? "alert" : null}>${error}</p>
    </div>
  `;
}

/** A button that shows progress, and does nothing while the role is lost. It keeps the focus in both. */
export function Button({ kind, busy, disabled, onClick, children, type = "button", ...attributes }) {
  const locked = useLocked();
  const isOff = locked || disabled;
  const click = (event) => {
    if (isOff || busy) event.preventDefault();
    else onClick?.(event);
  };
  return html`
    <button type=${type} class=${kind} aria-busy=${busy ? "true" : null} aria-disabled=${isOff ? "true" : null} onClick=${click} ...${attributes}>
      ${children}
    </button>
  `;
}

/** Runs a call, one at a time, and keeps its error until the next attempt. `act.error` has `retry`. */
export function useAction(run) {
  const [state, setState] = useState({ busy: false, error: null, again: null });
  const isMounted = useRef(true);
  const isBusy = useRef(false);
  const latest = useRef();
  latest.current = run;
  useEffect(() => () => (isMounted.current = false), []);
  const update = (next) => isMounted.current && setState(next);
  const act = async (...args) => {
    if (isBusy.current) return;
    isBusy.current = true;
    update({ busy: true, error: null, again: null });
    let next = { busy: false, error: null, again: null };
    try {
      await latest.current(...args);
    } catch (error) {
      if (!error.code) throw error;
      next = { busy: false, error, again: () => act(...args) };
      if ([0, 401, 403].includes(error.status) && error.code !== "cancelled") checkNow();
    } finally {
      isBusy.current = false;
      update(next);
    }
  };
  return { act, ...state };
}

/** The error of an action, with a button that repeats it. */
export function Problem({ action }) {
  const { error, again, busy } = action;
  return html`
    <div class="problem" role="alert">
      ${error && html`
        <span>${sentence(error)}</span>
        <${Button} kind="small quiet" busy=${busy} onClick=${again}>Try again<//>
      `}
    </div>
  `;
}

/** What an error means here. */
export function sentence(error) {
  if (error.code === "last_administrator") return "This is the last enabled administrator. Give the role to another user first.";
  if (error.code === "unreachable" || error.status >= 502) return "The server could not be reached. Nothing is lost: try again.";
  if (error.code === "invalid_input") {
    const all = Object.entries(error.fields).map(([field, message]) => `${field} ${message}`);
    return all.join("; ") || error.message;
  }
  return error.message;
}
