const DESCRIPTIONS = {
  registered: "Account created",
  login_succeeded: "Signed in",
  login_failed: "Failed sign-in: wrong password",
  reauthenticated: "Password confirmed",
  reauthentication_failed: "Wrong password entered while signed in",
  reuse_detected: "Session ended: its refresh token was reused and may have been stolen",
  refresh_redelivered: "Lost refresh response sent again",
  generation_restored: "Session continued after a database restore",
  password_changed: "Password changed",
  password_reset_requested: "Password reset requested",
  password_reset: "Password reset",
  email_verified: "E-mail address verified",
  email_change_requested: "New e-mail address requested",
  email_changed: "E-mail address changed",
  invitation_accepted: "Account created by invitation",
  names_changed: "Name changed",
  roles_changed: "Roles changed by an administrator",
  claims_changed: "Token claims changed by an administrator",
  user_disabled: "Account disabled by an administrator",
  user_enabled: "Account enabled by an administrator",
};

/** Descriptions of `session_ended`, by reason. */
const END_DESCRIPTIONS = {
  logged_out: "Signed out",
  expired: "Session expired",
  revoked: "Session ended remotely",
  password_changed: "Session ended by a password change",
  email_changed: "Session ended by a change of the e-mail address",
  account_recovered: "Session ended by a password reset",
  user_disabled: "Session ended by an administrator",
};

const UNITS = { day: 86_400, hour: 3_600, minute: 60 };
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Describes an event. A type that this page does not know keeps the server's name. */
export function describeEvent({ type, details }) {
  const description = type === "session_ended" ? END_DESCRIPTIONS[details.reason] : DESCRIPTIONS[type];
  return description ?? type.replaceAll("_", " ");
}

/** Formats a time as "2 hours ago". */
export function timeAgo(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  const unit = Object.keys(UNITS).find((name) => seconds >= UNITS[name]);
  return unit ? relative.format(-Math.floor(seconds / UNITS[unit]), unit) : "just now";
}

/** Joins the non-empty facts. */
export const joinFacts = (...facts) => facts.filter(Boolean).join(" · ");
