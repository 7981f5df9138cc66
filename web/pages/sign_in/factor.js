// The second step of signing in: a code, a recovery code or a passkey; or a new factor with its recovery codes.
import { showSecret, submitWhenComplete } from "../authenticator.js";
import { onClick, showMessage } from "../form.js";
import { showRecoveryCodes } from "../recovery_codes.js";
import { t } from "../texts.js";
import { auth } from "./session.js";
import { showStage, stageOf } from "./stages.js";

/** The stage for each method of a challenge, the usual one first. */
const STAGES = { totp: "factor", passkey: "passkey", recovery_code: "recovery" };

/**
 * @param {HTMLFormElement} form  with the stages of `sign_in_form.html`
 * @param {() => Promise<unknown>} onSignedIn
 * @param {(error: Error) => void} onError
 */
export function secondStep(form, onSignedIn, onError) {
  const part = (name) => form.querySelector(`[data-stage="${name}"]`);
  const { factor_code, recovery_code, email_code, enrol_code } = form.elements;
  const automatic = [factor_code, enrol_code].map(submitWhenComplete);
  const others = form.querySelector("[data-others]");
  const newSecret = form.querySelector("[data-new-secret]");

  for (const button of others.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      show(button.dataset.use);
      if (button.dataset.use === "passkey") form.requestSubmit();
    });
  }
  for (const button of form.querySelectorAll("[data-enrol]")) {
    if (!globalThis.PublicKeyCredential) button.remove();
    onClick(button, async () => (await setUpKey(button.dataset.enrol)) && onSignedIn(), onError);
  }
  onClick(newSecret, () => setUp(), onError);
  onClick(form.querySelector("[data-send-again]"), sendAgain, onError);

  /** Shows a stage, and what the user could use instead. */
  function show(stage) {
    const stages = (auth.pendingLogin()?.methods ?? []).map((method) => STAGES[method]);
    showMessage(form, "");
    showStage(form, stage);
    for (const button of others.querySelectorAll("button")) button.hidden = button.dataset.use === stage || !stages.includes(button.dataset.use);
    others.hidden = stage === "enrol" || stage === "mailed";
  }

  /** @returns whether the user has nothing more to do */
  function finish({ recovery_codes: codes }) {
    if (!codes) return true;
    showRecoveryCodes(part("codes"), codes);
    show("codes");
    form.querySelector("[data-again]").hidden = others.hidden = true;
    return false;
  }

  /** Shows a new secret, or first asks for the code from the mailbox. */
  async function setUp(emailCode) {
    try {
      const app = await auth.enrol(openLogin(), { emailCode });
      show("enrol");
      showSecret(part("enrol"), app);
      newSecret.hidden = true;
    } catch (error) {
      if (error.code !== "email_code_required") throw error;
      show("mailed");
    }
  }

  async function sendAgain() {
    await setUp();
    showMessage(form, t("code_sent_again"), true);
  }

  async function setUpKey(kind) {
    const pending = openLogin();
    showMessage(form, "");
    return finish(await auth.confirmEnrolment(pending, { passkey: await auth.enrol(pending, { kind }) }));
  }

  return {
    /** Shows what the challenge asks for. */
    async open() {
      const { code, methods = [], enrolling } = auth.pendingLogin();
      if (code === "mfa_required") return show(STAGES[Object.keys(STAGES).find((method) => methods.includes(method))] ?? "recovery");
      if (enrolling !== "totp") return setUp();
      show("enrol");
      // The secret is in the app already, and on no server that would tell it again.
      showSecret(part("enrol"), null);
      newSecret.hidden = false;
    },

    /** Takes the answer of the stage. @returns whether the user is signed in, and has nothing more to do */
    async submit() {
      const stage = stageOf(form);
      if (stage === "codes") return true;
      if (stage === "mailed") {
        await setUp(email_code.value);
        return false;
      }
      const answered = answer(stage, openLogin()).catch((error) => {
        if (error.code === "invalid_code") automatic.forEach(({ stop }) => stop());
        throw error;
      });
      return finish(await answered);
    },

    clear() {
      others.hidden = true;
      for (const field of [factor_code, recovery_code, email_code, enrol_code]) field.value = "";
      auth.cancelLogin();
    },
  };

  function answer(stage, pending) {
    switch (stage) {
      case "enrol":
        return auth.confirmEnrolment(pending, { code: enrol_code.value });
      case "recovery":
        return auth.completeLogin(pending, { recoveryCode: recovery_code.value.trim() });
      case "passkey":
        return auth.completeLogin(pending, { passkey: true });
      default:
        return auth.completeLogin(pending, { code: factor_code.value });
    }
  }
}

/** The login that waits for the second step. */
function openLogin() {
  const pending = auth.pendingLogin();
  if (!pending) throw Object.assign(new Error(t("error_challenge_expired")), { code: "challenge_expired" });
  return pending;
}

/** Whether a stage belongs to the second step. */
export const isSecondStep = (stage) => ["factor", "recovery", "passkey", "mailed", "enrol", "codes"].includes(stage);
