import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { enableSignIn } from "./credentials.js";
import { openLink, showInvalidLink, token } from "./link.js";
import { account, findUser } from "./session.js";
import { showDone } from "./stages.js";

const [form, signInForm] = ["form", "sign-in-form"].map((id) => document.getElementById(id));

onSubmit(form, confirm, (error) => showInvalidLink(form, error));
enableSignIn(signInForm, async () => {
  signInForm.hidden = true;
  form.hidden = false;
  form.requestSubmit();
});
await openLink(form, "change_link");

async function confirm() {
  if (!(await findUser())) {
    form.hidden = true;
    signInForm.hidden = false;
    document.getElementById("lead").textContent = t("change_sign_in");
    signInForm.elements.login.focus();
    return;
  }
  const { email } = await account.confirmEmailChange({ token });
  showDone(t("email_changed", { email }));
}
