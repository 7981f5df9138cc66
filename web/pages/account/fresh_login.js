// The dialog that asks for the password again. What was typed elsewhere stays, and the call is repeated.
import { sentence } from "../errors.js";
import { setError } from "../form.js";
import { openDialog } from "./dialog.js";

const dialog = document.getElementById("fresh-login");
const password = document.getElementById("fresh_password");

/**
 * @param {import("../../client/auth.js").FreshLoginRequest} request
 * @returns {Promise<string | null>} null if the user cancels
 */
export async function askForPassword({ user, error }) {
  document.getElementById("fresh-login-user").value = user?.email ?? "";
  let given = null;
  password.value = "";
  await openDialog(dialog, async () => (given = password.value), () => {
    // Once the dialog is open, so that screen readers read the message.
    if (error) setError(password, sentence(error));
    password.focus();
  });
  return given;
}
