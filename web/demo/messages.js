import { AuthError } from "../client/auth.js";

export const element = (id) => document.getElementById(id);

/** How long a message stays that asks for nothing. Errors stay until the next action. */
const SHOWN_MS = 10_000;

let timer;

element("dismiss").addEventListener("click", () => showMessage(""));

/** Shows a message at the bottom of the window. An empty text removes it. */
export function showMessage(text, isError = false) {
  const status = element("status");
  clearTimeout(timer);
  if (text && !isError) timer = setTimeout(showMessage, SHOWN_MS, "");
  status.textContent = text;
  status.classList.toggle("bad", isError);
}

/** The text of an error of the client, or of a request that failed without a response. */
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

/** Copies a text and shows whether that worked: browsers allow it on HTTPS and localhost only. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    showMessage("Copied. Tokens and passwords are shell variables.");
  } catch {
    showMessage(`This browser does not let the page copy. The command is: ${text}`, true);
  }
}
