// What events mean, in words.
import { Person } from "./people.js";
import { html } from "./ui.js";

/** By type: the sentence, and `good`, `warn` or `bad` if it deserves attention. */
const TEXTS = {
  registered: ["Account created", "good"],
  login_succeeded: ["Signed in", "good"],
  login_failed: ["Sign-in failed", "warn"],
  reauthenticated: ["Password confirmed"],
  reauthentication_failed: ["Password not confirmed", "warn"],
  session_ended: ["Session ended"],
  reuse_detected: ["Token reuse detected", "bad"],
  passkey_suspicious: ["Passkey may have been copied", "bad"],
  refresh_redelivered: ["Lost response sent again"],
  generation_restored: ["Database was older than a token", "warn"],
  password_changed: ["Password changed"],
  names_changed: ["Names changed"],
  roles_changed: ["Roles changed", "warn"],
  claims_changed: ["Claims changed"],
  user_disabled: ["User disabled", "bad"],
  user_enabled: ["User enabled", "good"],
  user_deleted: ["User deleted", "bad"],
  mfa_challenged: ["Second factor requested"],
  factor_added: ["Second factor added", "good"],
  factor_removed: ["Second factor removed", "warn"],
  factor_failed: ["Second factor wrong", "warn"],
  factor_locked: ["Authenticator codes locked", "bad"],
  factors_reset: ["Second factors reset", "bad"],
  recovery_codes_made: ["Recovery codes made"],
  recovery_code_used: ["Recovery code used", "warn"],
  stepped_up: ["Second factor confirmed"],
  password_reset: ["Password reset by mail"],
  password_reset_requested: ["Reset link requested"],
  email_verified: ["E-mail verified", "good"],
  email_change_requested: ["E-mail change requested"],
  email_changed: ["E-mail changed", "warn"],
  invited: ["Invited"],
  invitation_accepted: ["Invitation accepted", "good"],
  invitation_revoked: ["Invitation withdrawn"],
  mail_failed: ["Mail failed", "bad"],
  key_made: ["Signing key created"],
  key_retired: ["Signing key retired", "warn"],
};

/** For a type that a later version adds, its own name. */
const words = (type) => {
  const text = type.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
};

export const eventTitle = (type) => TEXTS[type]?.[0] ?? words(type);

/** The types by which one can filter. */
export const EVENT_TYPES = Object.fromEntries(Object.keys(TEXTS).map((type) => [type, eventTitle(type)]));

/** The title with a dot in the colour of its weight. */
export function EventTitle({ event }) {
  const level = TEXTS[event.type]?.[1] ?? "";
  const isOurs = event.type === "session_ended" && event.details.reason === "reuse_detected";
  return html`<span class="event-title" title=${eventTitle(event.type)}><span class="dot ${isOurs ? "bad" : level}" aria-hidden="true"></span>${eventTitle(event.type)}</span>`;
}

/** The details as short text: "roles editor, was none · by ann@example.org". */
export function EventDetails({ event }) {
  const { by, ...details } = event.details ?? {};
  const parts = Object.entries(details).map(([name, value]) => `${name.replaceAll("_", " ")}: ${shown(value)}`);
  return html`
    <span class="event-details" title=${parts.join("\n")}>
      <bdi>${parts.join(" · ")}</bdi>${by && html`${parts.length > 0 && " · "}by ${isId(by) ? html`<${Person} id=${by} />` : by}`}
    </span>
  `;
}

const isId = (text) => /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text);

function shown(value) {
  if (Array.isArray(value)) return value.length ? value.map(shown).join(", ") : "none";
  return typeof value === "object" && value ? JSON.stringify(value) : String(value).replaceAll("_", " ");
}
