// Asks for the password before a change that requires a fresh login.
import { Dialog, openDialog } from "./dialog.js";
import { html, useEffect, useId, useRef, useState } from "./ui.js";

let asking = null;

/** Concurrent changes share one question. @returns whether the password was confirmed */
export const askPassword = (confirm) => (asking ??= openDialog(PasswordDialog, { confirm }).finally(() => (asking = null)));

function PasswordDialog({ confirm, close }) {
  const [state, setState] = useState({ busy: false, error: "" });
  const field = useRef();
  const id = useId();
  useEffect(() => {
    if (state.error) field.current.select();
  }, [state]);
  const submit = async () => {
    const password = field.current.value;
    if (!password || state.busy) return field.current.focus();
    setState({ busy: true, error: "" });
    try {
      await confirm(password);
      close(true);
    } catch (error) {
      const isWrong = error.code === "invalid_credentials";
      setState({ busy: false, error: isWrong ? "This is not your password." : error.message });
    }
  };
  return html`
    <${Dialog} title="Confirm your password" close=${close} onSubmit=${submit}>
      <p class="hint" id="${id}-why">Changes require that you gave your password in the last 5 minutes. What you entered is kept.</p>
      <label for=${id}>Password</label>
      <input
        id=${id}
        ref=${field}
        type="password"
        autocomplete="current-password"
        aria-invalid=${state.error ? "true" : null}
        aria-describedby=${state.error ? `${id}-error` : `${id}-why`}
      />
      <p class="error" id="${id}-error" role="alert">${state.error}</p>
      <div class="dialog-buttons">
        <button type="button" class="quiet" onClick=${() => close(false)}>Cancel</button>
        <button aria-busy=${state.busy}>Confirm</button>
      </div>
    <//>
  `;
}
