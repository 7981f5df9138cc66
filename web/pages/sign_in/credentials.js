// The form that signs in. After the password, the server may require a code, a new password or a second factor: the form then
// shows that.
import { sentence } from "../errors.js";
import { onSubmit, showMessage } from "../form.js";
import { t } from "../texts.js";
import { isSecondStep, secondStep } from "./factor.js";
import { passkeySignIn } from "./passkey.js";
import { pendingCode } from "./pending_code.js";
import { account, auth } from "./session.js";
import { showStage, stageOf } from "./stages.js";

/**
 * @param {HTMLFormElement} form  with the stages of `sign_in_form.html`
 * @param {() => Promise<unknown>} onSignedIn
 */
export function enableSignIn(form, onSignedIn) {
  const pending = pendingCode("login");
  const second = secondStep(form, onSignedIn, fail);
  const passkey = passkeySignIn(form, onSignedIn, handle);
  const { login, password, new_password, remember } = form.elements;

  onSubmit(
    form,
    async ({ code }) => {
      passkey.stop();
      const stage = stageOf(form);
      if (isSecondStep(stage)) return (await second.submit()) && onSignedIn();
      if (stage === "code") {
        await account.verifyEmail({ continuation: pending.get()?.continuation, code });
        pending.clear();
        // After a reload, the password has to be typed again.
        if (!password.value) return startAgain(t("email_confirmed"));
      }
      await auth.login({
        ...identifier(login.value.trim()),
        password: password.value,
        remember: remember?.checked ?? true,
        ...(new_password.value && { newPassword: new_password.value }),
      });
      await onSignedIn();
    },
    handle,
  );
  // The new password belongs to this user's login.
  login.addEventListener("input", () => (new_password.value = ""));
  form.querySelector("[data-again]").addEventListener("click", () => startAgain(""));
  if (auth.pendingLogin()) second.open().catch(fail);
  else if (pending.get()) showStage(form, "code");

  /** @returns whether another stage, or its message, says what to do */
  function handle(error) {
    if (error.challenge) {
      second.open().catch(fail);
    } else if (error.code === "email_code_required") {
      pending.set(error, login.value.trim());
      showStage(form, "code");
    } else if (error.code === "password_change_required") {
      showStage(form, "new-password");
    } else if (error.code === "challenge_expired") {
      startAgain(t("error_challenge_expired"), false);
    } else if (error.code === "link_invalid") {
      pending.clear();
      startAgain(t("error_code_invalid"), false);
    } else if (stageOf(form) !== "credentials" && error.code === "invalid_credentials") {
      startAgain(t("error_invalid_credentials"), false);
    } else {
      return false;
    }
    return true;
  }

  function fail(error) {
    if (!handle(error)) showMessage(form, sentence(error));
  }

  function startAgain(text, isGood = true) {
    pending.clear();
    second.clear();
    new_password.value = form.elements.code.value = "";
    showStage(form, "credentials");
    showMessage(form, text, isGood);
  }
}

const identifier = (text) => (text.includes("@") ? { email: text } : { username: text });
