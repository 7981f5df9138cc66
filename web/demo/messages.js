import { AuthError } from "../client/auth.js";

export const element = (id) => document.getElementById(id);

export function say(text, isBad = false, place = element("status")) {
  place.textContent = text;
  place.classList.toggle("bad", isBad);
}

/** Where there is nobody any more. */
export function sayGoodbye(text) {
  say(text);
  element("login-form").elements.email.focus();
}

export function explain(error) {
  if (!(error instanceof AuthError)) return "The API cannot be reached.";
  if (error.retryAfter > 1) return `${error.message} Try again in ${error.retryAfter} seconds.`;
  return error.message;
}

/** Runs what was clicked for, once at a time. */
export async function busy(button, task) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  say("");
  try {
    await task();
  } catch (error) {
    say(explain(error), true);
  } finally {
    button.ariaBusy = "false";
  }
}

/**
 * Has a form do its work: `task` gets its fields. What is wrong with them is said at each; the first one is gone to.
 *
 * @returns whether it is done. A task that is not returns false
 */
export async function submitted(event, task) {
  event.preventDefault();
  const form = event.target;
  clearComplaints(form);
  let done = false;
  await busy(form.querySelector("button"), async () => {
    try {
      if ((await task(form.elements)) === false) return;
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      return complain(form, error);
    }
    form.reset();
    done = true;
  });
  return done;
}

export function clearComplaints(form) {
  for (const note of form.querySelectorAll(".wrong:not([role])")) note.remove();
  for (const place of form.querySelectorAll("[role=alert]")) say("", false, place);
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

function complain(form, error) {
  const current = error.code === "invalid_credentials" ? form.elements.current_password : null;
  // Of the form's own, if it has one: it may be far from the page's, or before it.
  const place = form.querySelector("[role=alert]") ?? element("status");
  say(current ? "That is not your password." : explain(error), true, place);
  current?.setAttribute("aria-invalid", "true");
  for (const [name, text] of Object.entries(error.fields ?? {})) {
    const input = form.elements[name];
    if (!input) continue;
    const note = document.createElement("span");
    note.className = "wrong";
    note.id = `${form.id}-${name}-wrong`;
    note.textContent = text;
    input.after(note);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-errormessage", note.id);
  }
  const first = form.querySelector("[aria-invalid=true]") ?? form.querySelector("input:not([hidden])");
  first.focus();
  first.select();
}
