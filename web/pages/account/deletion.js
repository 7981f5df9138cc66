import { setError } from "../form.js";
import { t } from "../texts.js";
import { auth } from "./client.js";
import { openDialog } from "./dialog.js";
import { endSessionBy } from "./ended.js";

const dialog = document.getElementById("delete-dialog");
const confirmation = document.getElementById("confirmation");
const element = (id) => document.getElementById(id);

export const deletion = {
  async start() {
    element("delete").addEventListener("click", remove);
  },
};

async function remove() {
  const { email } = auth.state.user;
  element("confirmation-hint").textContent = email;
  const isDeleted = await openDialog(dialog, async (values) => {
    if (values.confirmation.toLowerCase() !== email.toLowerCase()) {
      setError(confirmation, t("deletion_mismatch"));
      confirmation.focus();
      return false;
    }
    return endSessionBy(() => auth.deleteAccount());
  });
  if (!isDeleted) return;
  for (const id of ["view", "sign-out", "who"]) element(id).hidden = true;
  element("deleted").hidden = false;
  element("deleted-title").focus();
}
