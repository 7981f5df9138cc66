import { AuthError } from "../client/auth.js";
import { errorText, runAction, showMessage } from "./messages.js";

/** Fields that an error code concerns, by preference, and the text at the field. */
const FIELD_ERRORS = {
  invalid_credentials: { names: ["current_password", "password"], text: "Wrong password." },
  password_change_required: { names: ["new_password"], text: "An administrator set this password. Choose a new one." },
  invalid_code: { names: ["code"], text: "The code is wrong or has expired." },
  email_taken: { names: ["email"], text: "An account with this e-mail address exists. Sign in instead." },
};

/** Browsers word these differently, and hide their own message after a few seconds. */
const INVALID_TEXTS = {
  email: "Enter an e-mail address, such as name@example.org.",
  code: "Enter the code from the mail.",
  password: "Enter your password.",
  new_password: "Choose a new password.",
  current_password: "Enter your current password.",
  understood: "Confirm this first.",
};

for (const form of document.forms) {
  form.noValidate = true;
  form.addEventListener("input", ({ target }) => showError(target, ""));
}

/**
 * Submits a form: calls `action` with its fields, shows errors next to them and focuses the first invalid field.
 *
 * @returns whether the action succeeded; false also if it returned false
 */
export async function submitForm(event, action) {
  event.preventDefault();
  const form = event.target;
  clearErrors(form);
  const invalid = [...form.elements].filter((field) => field.willValidate && !field.checkValidity());
  if (invalid.length > 0) {
    for (const field of invalid) showError(field, INVALID_TEXTS[field.name]);
    focusField(invalid[0]);
    return false;
  }
  let succeeded = false;
  await runAction(form.querySelector("button"), async () => {
    try {
      if ((await action(form.elements)) === false) return;
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      return showErrors(form, error);
    }
    form.reset();
    succeeded = true;
  });
  return succeeded;
}

export function clearErrors(form) {
  for (const field of form.elements) showError(field, "");
  showFormError(form, "");
}

function showErrors(form, error) {
  const { names = [], text } = FIELD_ERRORS[error.code] ?? {};
  const texts = { ...error.fields };
  const name = names.find((one) => form.elements[one]);
  // At a login the server does not say which of the two is wrong.
  if (name) texts[name] = name === "password" ? "Wrong e-mail address or password." : text;
  const invalid = Object.keys(texts).filter((one) => form.elements[one]?.willValidate);
  for (const one of invalid) showError(form.elements[one], texts[one]);
  if (invalid.length === 0) showFormError(form, errorText(error));
  const first = [...form.elements].find((field) => field.ariaInvalid === "true");
  focusField(first ?? form.querySelector("input:not([hidden], [type=checkbox])") ?? form.elements[0]);
}

/** Shows the text at a field. An empty text removes the error. */
function showError(field, text) {
  const note = document.getElementById(`${field.id}-error`);
  if (!note) return;
  note.textContent = text;
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

/** Shows an error that concerns no field. */
function showFormError(form, text) {
  const note = form.querySelector(".form-error");
  if (note) note.textContent = text;
  else if (text) showMessage(text, true);
}

function focusField(field) {
  field.focus();
  if (field.type !== "checkbox") field.select?.();
}
