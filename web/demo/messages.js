import { AuthError } from "../client/auth.js";

export const element = (id) => document.getElementById(id);

/** Shows a text in the page's status line or in another element. */
export function showMessage(text, isError = false, target = element("status")) {
  target.textContent = text;
  target.classList.toggle("bad", isError);
}

/** For actions that end the session: moves the focus to the sign-in form. */
export function showSignedOut(text) {
  showMessage(text);
  element("login-form").elements.email.focus();
}

export function errorText(error) {
  if (!(error instanceof AuthError)) return "The API cannot be reached.";
  if (error.retryAfter > 1) return `${error.message} Try again in ${error.retryAfter} seconds.`;
  return error.message;
}

/** Runs the action of a button and shows its errors. Ignores clicks while the action is running. */
export async function runAction(button, action) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  showMessage("");
  try {
    await action();
  } catch (error) {
    showMessage(errorText(error), true);
  } finally {
    button.ariaBusy = "false";
  }
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
  for (const note of form.querySelectorAll(".error:not([role])")) note.remove();
  for (const alert of form.querySelectorAll("[role=alert]")) showMessage("", false, alert);
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

/** Error codes that concern one field of a form, and their texts. */
const FIELD_ERRORS = {
  invalid_credentials: { name: "current_password", text: "Wrong password." },
  password_change_required: { name: "new_password", text: "An administrator set this password. Choose a new one." },
};

function showErrors(form, error) {
  const { name, text } = FIELD_ERRORS[error.code] ?? {};
  const field = form.elements[name];
  // The status line may be scrolled out of view or behind the dialog, so the form's own alert comes first.
  const target = form.querySelector("[role=alert]") ?? element("status");
  showMessage(field ? text : errorText(error), true, target);
  field?.setAttribute("aria-invalid", "true");
  for (const [name, text] of Object.entries(error.fields ?? {})) {
    const input = form.elements[name];
    if (!input) continue;
    const note = document.createElement("span");
    note.className = "error";
    note.id = `${form.id}-${name}-error`;
    note.textContent = text;
    input.after(note);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-errormessage", note.id);
  }
  const first = form.querySelector("[aria-invalid=true]") ?? form.querySelector("input:not([hidden])");
  first.focus();
  first.select();
}
