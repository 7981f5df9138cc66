// Forms: one primary button with a progress state, errors at the fields, and the focus at the first of them.
import { fieldErrors, sentence } from "./errors.js";
import { t } from "./texts.js";

/**
 * Runs `action` with the trimmed values of the form when the user submits it, which the button allows from now on. Shows what
 * is wrong, and keeps what was typed.
 *
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<unknown>} action
 * @param {(error: Error) => boolean} [onError]  handles an error itself if it returns true
 */
export function onSubmit(form, action, onError = () => false) {
  const button = form.querySelector("button.primary, button:not([type=button])");
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaBusy === "true" || button.ariaDisabled === "true") return;
    clear(form);
    if (showMissing(form)) return;
    button.ariaBusy = "true";
    try {
      await action(values(form));
    } catch (error) {
      if (!onError(error)) showError(form, error);
    } finally {
      button.ariaBusy = "false";
    }
  });
  button.disabled = false;
  form.addEventListener("input", ({ target }) => setError(target, ""));
}

/** Runs the action of a button that is no form, once at a time. */
export function onClick(button, action, onError) {
  button.addEventListener("click", async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    try {
      await action();
    } catch (error) {
      onError(error);
    } finally {
      button.ariaBusy = "false";
    }
  });
}

/** Shows a failed call: at its fields, or as the message of the form. */
export function showError(form, error) {
  const messages = fieldErrors(error, (name) => isShown(form.elements.namedItem(name)));
  for (const [name, message] of messages) setError(form.elements.namedItem(name), message);
  if (messages.size === 0) showMessage(form, sentence(error));
  if (error.code === "too_many_requests") countDown(form, error.retryAfter ?? 1);
  focusFirst(form);
  if (!error.code) throw error;
}

/** @param {HTMLFormElement} form */
export function showMessage(form, text, isGood = false) {
  const message = form.querySelector(".message");
  message.textContent = text;
  message.classList.toggle("good", isGood);
}

/** Shows or removes what is wrong with a field. */
export function setError(input, text) {
  const paragraph = document.getElementById(`${input.id}-error`);
  if (!paragraph) return;
  paragraph.textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function clear(form) {
  showMessage(form, "");
  for (const input of form.elements) setError(input, "");
}

/** Checks what the browser can. @returns whether something is wrong */
function showMissing(form) {
  for (const input of form.elements) {
    if (!isShown(input) || input.validity.valid) continue;
    const missing = input.type === "checkbox" ? "field_unchecked" : "field_missing";
    setError(input, t(input.validity.typeMismatch ? "field_email" : missing));
  }
  return focusFirst(form);
}

function focusFirst(form) {
  const first = form.querySelector("[aria-invalid=true]");
  first?.focus();
  return Boolean(first);
}

/** Disables the button, and shows in it how long. The message of the form is read out once. */
function countDown(form, seconds) {
  const button = form.querySelector("button.primary, button:not([type=button])");
  const label = button.textContent;
  const end = Date.now() + seconds * 1000;
  button.ariaDisabled = "true";
  const show = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) {
      button.textContent = t("try_again_in", { count: left });
      setTimeout(show, 250);
    } else {
      button.textContent = label;
      button.ariaDisabled = "false";
      showMessage(form, "");
    }
  };
  show();
}

/** Without white space around, except in passwords. */
function values(form) {
  const entries = [...new FormData(form)].map(([name, value]) => {
    const isPassword = form.elements.namedItem(name).closest?.(".password");
    return [name, isPassword ? value : value.trim()];
  });
  return Object.fromEntries(entries);
}

const isShown = (input) => Boolean(input?.validity) && !input.disabled && !input.closest("[hidden]");
