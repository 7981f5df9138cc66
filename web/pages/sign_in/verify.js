import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { openLink, showInvalidLink, token } from "./link.js";
import { account, findUser } from "./session.js";
import { showDone } from "./stages.js";

const form = document.getElementById("form");
const fields = form.querySelector("fieldset");

onSubmit(form, async ({ password }) => {
  if (fields.hidden && !(await findUser())) return requestPassword();
  const { email } = await account.verifyEmail({ token, ...(password && { password }) });
  return showDone(t("email_verified", { email }));
}, (error) => showInvalidLink(form, error));
await openLink(form, "verify_link");

function requestPassword() {
  fields.hidden = false;
  fields.querySelector("input").focus();
}
