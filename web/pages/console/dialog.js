// Modal dialogs. Escape closes them, and the focus returns to where it was.
import { createStore, html, useId, useLayoutEffect, useRef, useState, useStore } from "./ui.js";

const dialogs = createStore({ open: [] });
let lastKey = 0;

/** Shows a component, which receives `close(result)`. @returns a promise of the result; undefined after Escape */
export function openDialog(component, props = {}) {
  return new Promise((resolve) => {
    const key = (lastKey += 1);
    const close = (result) => {
      dialogs.set({ open: dialogs.get().open.filter((dialog) => dialog.key !== key) });
      resolve(result);
    };
    dialogs.set({ open: [...dialogs.get().open, { key, component, props: { ...props, close } }] });
  });
}

export function Dialogs() {
  return useStore(dialogs).open.map(({ key, component, props }) => html`<${component} key=${key} ...${props} />`);
}

/** The frame of a dialog: a heading, the content, and buttons at the end. */
export function Dialog({ title, close, onSubmit, wide, children }) {
  const element = useRef();
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const submit = (event) => {
    event.preventDefault();
    onSubmit?.();
  };
  const cancel = (event) => {
    event.preventDefault();
    close();
  };
  // A click beside the dialog is outside of the form, which fills it.
  const clickBeside = (event) => event.target === element.current && !wide && close();
  return html`
    <dialog ref=${element} class=${wide ? "wide" : ""} aria-labelledby=${id} onCancel=${cancel} onMouseDown=${clickBeside}>
      <form class="dialog-form" onSubmit=${submit} novalidate>
        <h2 id=${id}>${title}</h2>
        ${children}
      </form>
    </dialog>
  `;
}

/** Asks before an action. @returns whether it is confirmed. With `typed`, the user must type that text first. */
export const confirm = (options) => openDialog(Confirmation, options).then(Boolean);

function Confirmation({ title, text, action, typed, isDanger, close }) {
  const [value, setValue] = useState("");
  const id = useId();
  const isComplete = !typed || value.trim() === typed;
  return html`
    <${Dialog} title=${title} close=${close} onSubmit=${() => isComplete && close(true)}>
      ${[text].flat().map((paragraph) => html`<p>${paragraph}</p>`)}
      ${typed && html`
        <label for=${id}>Type <strong class="typed">${typed}</strong> to confirm</label>
        <input id=${id} value=${value} onInput=${(event) => setValue(event.target.value)} autocomplete="off" autocapitalize="off" spellcheck=${false} dir="auto" />
      `}
      <div class="dialog-buttons">
        <button type="button" class="quiet" onClick=${() => close()}>Cancel</button>
        <button class=${isDanger ? "danger-fill" : ""} disabled=${!isComplete}>${action}</button>
      </div>
    <//>
  `;
}
