// Signing in with a passkey alone: with the button, or from the field of the address, where the browser offers passkeys.
import { sentence } from "../errors.js";
import { onClick, showMessage } from "../form.js";
import { t } from "../texts.js";
import { auth } from "./session.js";

/**
 * @param {HTMLFormElement} form  with the stages of `sign_in_form.html`
 * @param {() => Promise<unknown>} onSignedIn
 * @param {(error: Error) => boolean} onError  handles an error itself if it returns true
 */
export function passkeySignIn(form, onSignedIn, onError) {
  const button = form.querySelector("[data-passkey]");
  const { login, remember } = form.elements;
  /** Of the passkeys that the browser offers. */
  let offer;

  const stop = () => offer?.abort();
  if (!button) return { stop };
  if (!globalThis.PublicKeyCredential) {
    button.remove();
    return { stop };
  }
  onClick(button, async () => {
    stop();
    showMessage(form, "");
    await signIn();
  }, show);
  button.disabled = false;
  // Once more after a cancelled question, after an error, and when the user comes back.
  login.addEventListener("focus", () => offer || auth.pendingLogin() || offerInField());
  // It belongs to the session that the passkey starts.
  remember?.addEventListener("change", () => offer && offerInField());
  return { stop };

  async function offerInField() {
    stop();
    const own = (offer = new AbortController());
    await signIn({ conditional: true, signal: own.signal }).catch(show);
    if (offer === own) offer = null;
  }

  async function signIn(options) {
    const user = await auth.loginWithPasskey({ ...options, remember: remember?.checked ?? true });
    if (user) await onSignedIn();
  }

  function show(error) {
    if (onError(error)) return;
    // The server does not tell that the user is disabled.
    const isRejected = error.code === "invalid_credentials";
    showMessage(form, isRejected ? t("error_passkey_invalid") : sentence(error));
    if (!error.code) throw error;
  }
}
