// Asks who it is before a change that requires a fresh or a stronger login: for the password, or for a second factor.
import { Dialog, openDialog } from "./dialog.js";
import { html, useEffect, useId, useRef, useState } from "./ui.js";

const WAYS = {
  password: { label: "Password", type: "password", autocomplete: "current-password", wrong: "This is not your password." },
  code: { label: "Code of your authenticator app", autocomplete: "one-time-code", inputmode: "numeric", other: "Use the authenticator app" },
  recoveryCode: { label: "Recovery code", autocomplete: "off", other: "Use a recovery code" },
};
let asking = null;

/**
 * Concurrent changes share one question.
 *
 * @param {{ isStrong: boolean, confirm: (proof: object) => Promise<void> }} options
 * @returns whether the proof was accepted
 */
export const askProof = (options) => (asking ??= openDialog(ProofDialog, options).finally(() => (asking = null)));

function ProofDialog({ isStrong, confirm, close }) {
  const [way, setWay] = useState(isStrong ? "code" : "password");
  const [state, setState] = useState({ busy: false, error: "" });
  const field = useRef();
  const id = useId();
  useEffect(() => {
    if (state.error) field.current.select();
  }, [state]);
  useEffect(() => field.current.focus(), [way]);
  const { label, type = "text", autocomplete, inputmode, wrong = "This code is wrong or was used before." } = WAYS[way];
  const use = (next) => {
    setState({ busy: false, error: "" });
    field.current.value = "";
    setWay(next);
  };
  const run = async (proof) => {
    setState({ busy: true, error: "" });
    try {
      await confirm(proof);
      close(true);
    } catch (error) {
      if (error.code === "stronger_login_required") return use("code");
      const isWrong = error.code === "invalid_credentials" || error.code === "invalid_code";
      setState({ busy: false, error: isWrong ? wrong : error.message });
    }
  };
  const submit = () => {
    const { value } = field.current;
    if (!value || state.busy) return field.current.focus();
    return run({ [way]: value });
  };
  const others = way === "password" ? [] : Object.keys(WAYS).filter((other) => WAYS[other].other && other !== way);
  return html`
    <${Dialog} title=${way === "password" ? "Confirm your password" : "Confirm with your second factor"} close=${close} onSubmit=${submit}>
      <p class="hint" id="${id}-why">Changes require that you confirmed in the last 5 minutes that it is you. What you entered is kept.</p>
      <label for=${id}>${label}</label>
      <input
        id=${id}
        ref=${field}
        type=${type}
        autocomplete=${autocomplete}
        inputmode=${inputmode}
        spellcheck=${false}
        aria-invalid=${state.error ? "true" : null}
        aria-describedby=${state.error ? `${id}-error` : `${id}-why`}
      />
      <p class="error" id="${id}-error" role="alert">${state.error}</p>
      ${way !== "password" && html`
        <p class="other-ways">
          ${others.map((other) => html`<button type="button" class="small quiet" onClick=${() => use(other)}>${WAYS[other].other}</button>`)}
          ${globalThis.PublicKeyCredential && html`<button type="button" class="small quiet" onClick=${() => run({ passkey: true })}>Use a passkey or security key</button>`}
        </p>
      `}
      <div class="dialog-buttons">
        <button type="button" class="quiet" onClick=${() => close(false)}>Cancel</button>
        <button aria-busy=${state.busy}>Confirm</button>
      </div>
    <//>
  `;
}
