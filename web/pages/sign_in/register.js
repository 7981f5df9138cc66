import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { openLink, showInvalidLink, token } from "./link.js";
import { completeOnLoginPage, leave } from "./next.js";
import { pendingCode } from "./pending_code.js";
import { account, auth } from "./session.js";
import { showDone, showStage, stageOf } from "./stages.js";

const [form, linkForm] = ["form", "link-form"].map((id) => document.getElementById(id));
const pending = pendingCode("register");

if (form) {
  onSubmit(form, stageByStage, (error) => {
    if (continueWith(error)) return true;
    if (error.code !== "link_invalid") return false;
    startAgain();
    return false;
  });
  form.querySelector("[data-again]").addEventListener("click", startAgain);
  if (pending.get()) showCode();
}
if (linkForm) {
  onSubmit(linkForm, async ({ link_password: password }) => {
    await account.confirmRegistration({ token, password });
    await finish();
  }, (error) => continueWith(error) || showInvalidLink(linkForm, error));
}
if (token && linkForm) {
  for (const part of document.querySelectorAll("[data-form]")) part.hidden = true;
  linkForm.hidden = document.getElementById("lead").hidden = false;
  await openLink(linkForm, "register_link");
} else {
  form?.querySelector("[data-stage]:not([hidden]) input").focus();
}

async function stageByStage({ email, name, password, code }) {
  if (stageOf(form) === "code") {
    await account.confirmRegistration({ continuation: pending.get()?.continuation, code });
    pending.clear();
  } else {
    const outcome = await auth.register({ email, password, ...(name && { name }) });
    if (outcome.continuation) {
      pending.set(outcome, email);
      return showCode();
    }
  }
  return finish();
}

function showCode() {
  form.querySelector("[data-email]").textContent = t("code_sent", { email: pending.get().email });
  showStage(form, "code");
}

function startAgain() {
  pending.clear();
  showStage(form, "details");
}

function continueWith({ challenge }) {
  if (!challenge) return false;
  pending.clear();
  completeOnLoginPage();
  return true;
}

async function finish() {
  if (!(await leave())) showDone(t("account_ready"));
}
