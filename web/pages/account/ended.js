// What happens if the session ends while the page is open: the user learns why, and signs in again.
import { hasText, t } from "../texts.js";
import { auth, loginUrl } from "./client.js";

const dialog = document.getElementById("ended");
let isExpected = false;

/** Makes a call that ends the session, which needs no message then. */
export async function endSessionBy(call) {
  isExpected = true;
  try {
    return await call();
  } catch (error) {
    isExpected = false;
    throw error;
  }
}

export function watchSession() {
  auth.on("session-ended", ({ reason }) => show(reason));
  auth.on("signed-out", () => show("logged_out"));
  // Nothing on the page can be used without a session.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
}

function show(reason) {
  if (isExpected || dialog.open) return;
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  dialog.querySelector("[data-part=reason]").textContent = t(hasText(`ended_${reason}`) ? `ended_${reason}` : "ended_unknown");
  dialog.querySelector("a").href = loginUrl();
  dialog.showModal();
}
