// Two-step sign-in: authenticator apps, passkeys, security keys and recovery codes.
import { showSecret, submitWhenComplete } from "../authenticator.js";
import { showRecoveryCodes } from "../recovery_codes.js";
import { t } from "../texts.js";
import { auth } from "./client.js";
import { devices } from "./devices.js";
import { openDialog } from "./dialog.js";
import { confirm } from "./feedback.js";
import { known } from "./fresh_login.js";
import { copy, pagedList } from "./paged_list.js";
import { facts, time } from "./time.js";

const element = (id) => document.getElementById(id);
const section = element("factors");
const list = pagedList(section, load, show);
const automatic = submitWhenComplete(element("totp_code"));
let current;

export const factors = {
  async start() {
    await list.reload();
    list.act(element("add-app"), addApp);
    list.act(element("add-passkey"), () => addKey("passkey"));
    list.act(element("add-security-key"), () => addKey("security_key"));
    list.act(element("new-codes"), makeCodes);
    list.act(element("switch-factors"), () => (current.second_factor ? turnOff() : turnOn()));
  },
};

async function load() {
  current = await auth.factors();
  const { second_factor: isOn, factors: items, recovery_codes_left: left, totp_locked: isLocked, rp_id: domain } = current;
  known.kinds = items.map(({ kind }) => kind);
  const state = element("factors-state");
  state.textContent = t(isOn ? "factors_on" : "factors_off");
  state.className = `badge ${isOn ? "good" : ""}`;
  element("totp-locked").hidden = !isLocked;
  element("codes-left").hidden = !isOn;
  element("codes-left").querySelector("p").textContent = t("codes_left", { count: left });
  const isPossible = Boolean(domain && globalThis.PublicKeyCredential);
  for (const id of ["passkeys-hint", "add-passkey", "add-security-key"]) element(id).hidden = !isPossible;
  element("switch-factors").hidden = items.length === 0;
  element("switch-factors").textContent = t(isOn ? "turn_off" : "turn_on");
  return { items };
}

function show(factor) {
  const { row, name, synced, facts: line, rename, remove } = copy("factor-item");
  const { kind, created_at: added, last_used_at: used } = factor;
  name.textContent = factor.name;
  synced.hidden = !factor.synced;
  line.append(...facts(t(`kind_${kind}`), phrase("added", added), used ? phrase("last_used", used) : t("never_used")));
  rename.setAttribute("aria-label", t("rename_factor", { name: factor.name }));
  remove.setAttribute("aria-label", t("remove_factor", { name: factor.name }));
  list.act(rename, () => renameOne(factor));
  list.act(remove, () => removeOne(factor));
  return row;
}

/** A text with a time in it. */
function phrase(key, at) {
  const span = document.createElement("span");
  const [before, after] = t(key, { time: "\u0000" }).split("\u0000");
  span.append(before, time(at), after);
  return span;
}

/** Shows the list again, and the focus stays in the section. Other sessions may have ended. */
async function changed(text, { recovery_codes: codes } = {}) {
  await list.reload();
  devices.reload();
  if (codes) await showCodes(codes);
  confirm(text);
  element("factors-title").focus();
}

async function addApp() {
  const app = await auth.addTotp(t("kind_totp"));
  const dialog = element("app-dialog");
  let outcome;
  showSecret(dialog, app);
  const confirmCode = async ({ totp_code: code }) => {
    outcome = await auth.confirmTotp(app.id, code).catch((error) => {
      automatic.stop();
      throw error;
    });
  };
  if (await openDialog(dialog, confirmCode, () => element("totp_code").focus())) await changed(t("app_added"), outcome);
}

async function addKey(kind) {
  const outcome = await auth.addPasskey({ kind, name: t(`kind_${kind}`) }).catch((error) => {
    if (error.code !== "passkey_cancelled") throw error;
  });
  if (outcome) await changed(t("key_added"), outcome);
  else confirm(t("key_not_added"));
}

async function renameOne({ id, name }) {
  const field = element("factor_name");
  const rename = ({ factor_name: value }) => auth.renameFactor(id, value);
  const isDone = await openDialog(element("rename-dialog"), rename, () => {
    field.value = name;
    field.select();
  });
  if (isDone) await changed(t("factor_renamed"));
}

async function removeOne({ id, name }) {
  const isLast = current.factors.length === 1 && current.second_factor;
  const text = t(isLast ? "remove_last_factor_text" : "remove_factor_text");
  if (await ask(t("remove_factor", { name }), text, t("remove"), () => auth.removeFactor(id))) await changed(t("factor_removed"));
}

async function turnOn() {
  await changed(t("factors_turned_on"), await auth.setSecondFactor(true));
}

async function turnOff() {
  const turn = () => auth.setSecondFactor(false);
  if (await ask(t("turn_off_title"), t("turn_off_text"), t("turn_off"), turn)) await changed(t("factors_turned_off"));
}

async function makeCodes() {
  const make = async () => (codes = await auth.makeRecoveryCodes());
  let codes;
  if (await ask(t("new_recovery_codes"), t("new_recovery_codes_text"), t("new_recovery_codes"), make)) {
    await changed(t("recovery_codes_made"), { recovery_codes: codes });
  }
}

async function showCodes(codes) {
  const dialog = element("codes-dialog");
  // They are shown only once: Escape does not close it.
  dialog.oncancel = (event) => event.preventDefault();
  const fill = () => {
    showRecoveryCodes(dialog, codes);
    dialog.querySelector("[data-focus]").focus();
  };
  await openDialog(dialog, async () => {}, fill);
}

/** Asks before an action. @returns whether it succeeded */
function ask(title, text, label, action) {
  const dialog = element("confirm-dialog");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("[data-part=text]").textContent = text;
  dialog.querySelector(".primary").textContent = label;
  return openDialog(dialog, action);
}
