import { clearErrors, submitForm } from "./forms.js";
import { element } from "./messages.js";
import { auth } from "./servers.js";

const dialog = element("confirmation");
const form = element("confirmation-form");
/** Id of the user whose password the dialog requests. */
let userId = null;

form.addEventListener("submit", async (event) => {
  const succeeded = await submitForm(event, ({ current_password: { value } }) => auth.reauthenticate(value));
  if (succeeded) dialog.close("confirmed");
});
element("confirmation-cancel").addEventListener("click", () => dialog.close());
auth.subscribe(({ user }) => {
  if (user?.id !== userId) dialog.close();
});

/** Asks for the password, for calls that require a recent login. @returns {Promise<boolean>} whether it was correct */
export function confirmPassword() {
  const user = auth.state.user;
  userId = user?.id;
  form.reset();
  clearErrors(form);
  form.elements.email.value = user?.email ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirmed"), { once: true });
  });
}

/**
 * Calls the auth server. If that requires a recent login, asks for the password and repeats the call.
 *
 * @returns {Promise<boolean>} false if the user cancelled the dialog
 */
export async function withFreshLogin(call) {
  try {
    await call();
  } catch (error) {
    if (error.code !== "fresh_login_required") throw error;
    if (!(await confirmPassword())) return false;
    await call();
  }
  return true;
}
