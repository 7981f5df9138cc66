import { onSubmit } from "../form.js";
import { t } from "../texts.js";
import { auth } from "./client.js";
import { devices } from "./devices.js";
import { confirm } from "./feedback.js";

const form = document.getElementById("password-form");
const reason = document.getElementById("password-reason");

export const password = {
  async start() {
    document.getElementById("password-user").value = auth.state.user.email;
    onSubmit(form, change);
  },
};

/** Leads to the form, and says why. */
export function requestPasswordChange() {
  reason.hidden = false;
  form.elements.end_others.checked = true;
  form.elements.current_password.focus();
  document.getElementById("password-section").scrollIntoView();
}

async function change({ current_password: current, new_password: replacement, end_others: endOthers }) {
  await auth.changePassword(current, replacement, { endOtherSessions: Boolean(endOthers) });
  form.reset();
  // Hides the strength of the new password.
  form.elements.new_password.dispatchEvent(new Event("input", { bubbles: true }));
  reason.hidden = true;
  confirm(t(endOthers ? "password_changed_others_ended" : "password_changed"));
  devices.reload();
}
