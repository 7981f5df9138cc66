/** What each claim is for, and how to show it. `time` marks seconds since 1970. */
const CLAIMS = {
  name: "Your display name, so that the API can greet you without a database.",
  roles: "What you may do. The API decides with it.",
  sub: "Your user ID. Unlike an e-mail address it never changes.",
  iss: "The auth server that issued the token. The API accepts no other.",
  aud: "The API that the token is for. Other APIs reject it.",
  iat: "When the token was issued.",
  exp: "When the token expires. The client renews it before.",
  auth_time: "When you last entered your password. Sensitive calls require a recent time.",
  amr: "How you signed in. `pwd` is a password.",
  acr: "How strong that was. `1fa` is one factor, such as a password.",
  sid: "The session. If it is revoked, the API rejects all of its tokens.",
  uv: "The version of your account. A new password or role makes older tokens stale.",
  client_id: "The program that started the session.",
  type: "An access token. It opens APIs, never your account.",
  jti: "The ID of this token. No other token has it.",
};
const TIMES = ["iat", "exp", "auth_time"];
const OTHER = "A custom claim that an administrator has set.";

/** Rows for all claims of a token: `{ name, value, text }`. */
export function explainClaims(claims) {
  const names = new Set([...Object.keys(CLAIMS).filter((name) => name in claims), ...Object.keys(claims)]);
  return [...names].map((name) => ({ name, value: format(name, claims[name]), text: CLAIMS[name] ?? OTHER }));
}

function format(name, value) {
  if (TIMES.includes(name)) return new Date(value * 1000).toLocaleTimeString("en-GB");
  if (Array.isArray(value)) return value.join(", ") || "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
