import { sentence } from "../errors.js";
import { onClick, onSubmit } from "../form.js";
import { t } from "../texts.js";
import { account, auth } from "./client.js";
import { confirm } from "./feedback.js";
import { devices } from "./devices.js";

const element = (id) => document.getElementById(id);
const message = element("email-message");
/** What a mail was sent for: `address` if it is to become the new one. A code requires the continuation of its request. */
let pending = null;

export const email = {
  async start() {
    showAddress();
    // Without mail there are no forms.
    if (!element("email-form")) return;
    onSubmit(element("email-form"), ({ email }) => requestChange(email));
    onSubmit(element("code-form"), ({ code }) => redeem(code));
    onClick(element("verify-request"), requestVerification, fail);
    onClick(element("pending-again"), sendAgain, fail);
    onClick(element("pending-cancel"), cancel, fail);
    const requested = await account.pendingEmailChange().catch(() => null);
    if (requested) setPending({ address: requested.email });
  },
};

async function requestChange(address) {
  const { continuation } = await account.changeEmail(address);
  setPending({ address, continuation });
  focusCode();
}

async function requestVerification() {
  message.textContent = "";
  const { continuation } = await account.requestVerification();
  setPending({ continuation });
  focusCode();
}

async function sendAgain() {
  await (pending.address ? requestChange(pending.address) : requestVerification());
  confirm(t("mail_sent_again"));
}

async function redeem(code) {
  const { address, continuation } = pending;
  const proof = { continuation, code };
  await (address ? account.confirmEmailChange(proof) : account.verifyEmail(proof));
  setPending(null);
  confirm(t(address ? "email_changed" : "email_verified"));
  element("email-title").focus();
  if (address) devices.reload();
}

async function cancel() {
  if (pending.address) await account.cancelEmailChange();
  setPending(null);
  element("email-form").reset();
  confirm(t("change_cancelled"));
  element("email-title").focus();
}

function setPending(next) {
  pending = next;
  const isPending = Boolean(pending);
  const { address, continuation } = pending ?? {};
  element("pending").hidden = !isPending;
  element("email-form").hidden = isPending;
  element("code-form").hidden = !continuation;
  element("code-form").reset();
  if (isPending) {
    const lead = continuation ? (address ? "change_mailed" : "verification_mailed") : "change_waits";
    element("pending-lead").textContent = t(lead, { email: address ?? auth.state.user.email });
    element("pending-cancel").textContent = t(address ? "cancel_change" : "cancel");
  }
  message.textContent = "";
  showAddress();
}

function showAddress() {
  const { email, email_verified: isVerified } = auth.state.user;
  element("email-now").textContent = email;
  const state = element("email-state");
  state.textContent = t(isVerified ? "verified" : "not_verified");
  state.className = `badge ${isVerified ? "good" : "warn"}`;
  const verify = element("verify");
  if (verify) verify.hidden = isVerified || Boolean(pending);
}

const focusCode = () => element("code").focus();
const fail = (error) => (message.textContent = sentence(error));
