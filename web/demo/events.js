// What happened, in plain words.

const EVENTS = {
  registered: "The account was made",
  login_succeeded: "Logged in",
  login_failed: "Somebody tried to log in with a wrong password",
  reauthenticated: "The password was given once more",
  reauthentication_failed: "Somebody who was logged in gave a wrong password",
  reuse_detected: "A login was ended: its refresh token came twice, so it may have been stolen",
  refresh_redelivered: "An answer that had got lost was sent once more",
  generation_restored: "The server's database is older than this login, which goes on",
  password_changed: "The password was changed",
  names_changed: "The name was changed",
  roles_changed: "An administrator changed the roles",
  claims_changed: "An administrator changed what tokens say",
  user_disabled: "An administrator closed the account",
  user_enabled: "An administrator opened the account again",
};

const ENDS = {
  logged_out: "Logged out",
  expired: "A login ran out",
  revoked: "A login was ended from elsewhere",
  password_changed: "A login was ended by the new password",
  user_disabled: "A login was ended by an administrator",
};

const UNITS = { day: 86_400, hour: 3_600, minute: 60 };
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** An event of the auth server, as one would tell it. One that is newer than this page keeps the server's name. */
export function tell({ type, details }) {
  return EVENTS[type] ?? (type === "session_ended" && ENDS[details.reason]) ?? type.replaceAll("_", " ");
}

/** "2 hours ago". */
export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  const unit = Object.keys(UNITS).find((name) => seconds >= UNITS[name]);
  return unit ? relative.format(-Math.floor(seconds / UNITS[unit]), unit) : "just now";
}

/** Those of these that are known, in one line. */
export const line = (...facts) => facts.filter(Boolean).join(" · ");
