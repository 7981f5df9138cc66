import { clearComplaints, element, submitted } from "./messages.js";
import { auth } from "./servers.js";

const dialog = element("confirmation");
const form = element("confirmation-form");
/** Whose password is asked for. */
let whose = null;

form.addEventListener("submit", async (event) => {
  const done = await submitted(event, ({ current_password: { value } }) => auth.reauthenticate(value));
  if (done) dialog.close("confirmed");
});
element("confirmation-cancel").addEventListener("click", () => dialog.close());
auth.onChange((user) => {
  if (user?.id !== whose) dialog.close();
});

/** Asks for the password once more, for what wants a fresh login. @returns {Promise<boolean>} whether it was given */
export function confirmed() {
  const user = auth.user();
  whose = user?.id;
  form.reset();
  clearComplaints(form);
  form.elements.email.value = user?.email ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirmed"), { once: true });
  });
}
