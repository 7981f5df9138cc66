// The dialog that asks again who it is: for the password, or for a second factor if there is one. What was typed elsewhere
// stays, and the call is repeated.
import { submitWhenComplete } from "../authenticator.js";
import { sentence } from "../errors.js";
import { setError, showMessage } from "../form.js";
import { t } from "../texts.js";
import { openDialog } from "./dialog.js";

const dialog = document.getElementById("fresh-login");
const fields = Object.fromEntries(
  Object.entries({ password: "fresh_password", code: "proof_code", passkey: "proof_passkey", recovery: "proof_recovery_code" }).map(([way, id]) => [way, document.getElementById(id)]),
);
const others = [...dialog.querySelectorAll("[data-use]")];
const automatic = submitWhenComplete(fields.code);

/** The kinds of factors that the user has, as far as the page knows them. */
export const known = { kinds: ["totp"] };

let way, given;
for (const button of others) {
  button.addEventListener("click", () => {
    if (button.dataset.use !== "passkey") return show(button.dataset.use);
    given = { passkey: true };
    dialog.close("done");
  });
}

/**
 * @param {import("../../client/factors.js").StepUpRequest} request
 * @returns {Promise<import("../../client/factors.js").Proof | null>} null if the user cancels
 */
export async function askForProof({ user, code, error }) {
  const isStrong = user?.second_factor || [code, error?.code].includes("stronger_login_required");
  // A user without a second factor cannot prove it.
  if (isStrong && !user?.second_factor && known.kinds.length === 0) return null;
  document.getElementById("fresh-login-user").value = user?.email ?? "";
  document.getElementById("fresh-login-hint").textContent = t(isStrong ? "stronger_login_hint" : "fresh_login_hint");
  given = null;
  if (error?.code === "invalid_code") automatic.stop();
  const read = () => {
    const value = fields[way]?.value;
    given = { password: { password: value }, code: { code: value }, recovery: { recoveryCode: value?.trim() }, passkey: { passkey: true } }[way];
  };
  await openDialog(dialog, async () => read(), () => {
    const usual = known.kinds.includes("totp") ? "code" : hasKey() ? "passkey" : "recovery";
    show(!isStrong ? "password" : error && way !== "password" ? way : usual);
    if (error && error.code !== "stronger_login_required") fail(error);
  });
  return given;
}

function show(next) {
  way = next;
  for (const part of dialog.querySelectorAll("[data-proof]")) part.hidden = part.dataset.proof !== way;
  const isOffered = { code: known.kinds.includes("totp"), passkey: hasKey(), recovery: true };
  for (const button of others) {
    const { use } = button.dataset;
    button.hidden = use === way || !isOffered[use] || (way === "password" && use !== "passkey");
  }
  fields[way].focus();
}

/** Whether the user has a passkey or security key. */
const hasKey = () => known.kinds.some((kind) => kind !== "totp");

/** Once the dialog is open, so that screen readers read the message. */
function fail(error) {
  const isWrong = error.code === "invalid_credentials" || error.code === "invalid_code";
  if (!isWrong) return showMessage(dialog.querySelector("form"), sentence(error));
  setError(fields[way], way === "password" ? sentence(error) : t("error_factor_code"));
}
