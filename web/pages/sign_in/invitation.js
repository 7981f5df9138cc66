import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { openLink, showInvalidLink, token } from "./link.js";
import { completeOnLoginPage, leave } from "./next.js";
import { account } from "./session.js";
import { showDone } from "./stages.js";

const form = document.getElementById("form");

onSubmit(form, async ({ name, password }) => {
  await account.acceptInvitation({ token, password, ...(name && { name }) });
  if (!(await leave())) showDone(t("account_ready"));
}, (error) => {
  if (!error.challenge) return showInvalidLink(form, error);
  completeOnLoginPage();
  return true;
});
await openLink(form, "invitation_link");
