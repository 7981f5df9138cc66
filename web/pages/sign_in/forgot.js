import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { pendingCode } from "./pending_code.js";
import { account } from "./session.js";
import { showDone, showStage, stageOf } from "./stages.js";

const form = document.getElementById("form");
const pending = pendingCode("forgot");

onSubmit(form, async ({ email, code, new_password }) => {
  if (stageOf(form) === "email") {
    pending.set(await account.forgotPassword(email), email);
    showCode();
  } else {
    await account.resetPassword({ continuation: pending.get()?.continuation, code }, new_password);
    pending.clear();
    showDone(t("password_changed"));
  }
}, (error) => {
  if (error.code === "link_invalid") startAgain();
  return false;
});
form.querySelector("[data-again]").addEventListener("click", startAgain);
if (pending.get()) showCode();
else form.elements.email.focus();

function showCode() {
  form.querySelector("[data-email]").textContent = t("reset_code_sent", { email: pending.get().email });
  showStage(form, "code");
}

function startAgain() {
  pending.clear();
  showStage(form, "email");
}
