// What the errors of auth.js and account.js mean for the user, in the language of the page.
import { hasText, t } from "./texts.js";

/** Errors of a whole call that belong to a field: those that a form may have, in this order. */
const FIELDS = {
  invalid_credentials: ["password", "link_password", "current_password"],
  email_taken: ["email"],
  username_taken: ["username"],
  invalid_code: ["code", "email_code", "factor_code", "recovery_code", "enrol_code", "totp_code", "proof_code", "proof_recovery_code"],
};
/** Fields of authenticator apps and recovery codes: the server names them `code` and `recovery_code`. */
const OF_FACTOR = FIELDS.invalid_code.slice(2);

/** Parts of the server's messages about a field, and the text for each. */
const RULES = [
  [/^is missing|^must not be empty/, "field_missing"],
  [/^must be at least 9 characters/, "field_too_short"],
  [/^is too easy to guess/, "field_guessable"],
  [/^must have 8 digits/, "field_code"],
  [/^must have 6 digits/, "field_factor_code"],
  [/^is taken/, "error_username_taken"],
  [/^is your address already/, "field_email_same"],
];

/** A sentence about a failed call. @param {import("../client/auth.js").AuthError} error */
export function sentence({ code, message, attemptsLeft: count }) {
  if (code === "invalid_code" && !count) return t("error_code_invalid");
  const key = `error_${code}`;
  return hasText(key) ? t(key, { count }) : message;
}

/**
 * What is wrong with each field of a form.
 *
 * @param {import("../client/auth.js").AuthError} error
 * @param {(name: string) => boolean} has  whether the form has the field
 * @returns {Map<string, string>}
 */
export function fieldErrors(error, has) {
  const fieldOf = (name) => (has(name) ? name : OF_FACTOR.find((field) => field.endsWith(name) && has(field)));
  const found = Object.entries(error.fields ?? {}).map(([name, message]) => [fieldOf(name), message]).filter(([name]) => name);
  const own = FIELDS[error.code]?.find(has);
  const text = OF_FACTOR.includes(own) ? t("error_factor_code") : sentence(error);
  return new Map([...found.map(([name, message]) => [name, rule(name, message)]), ...(own ? [[own, text]] : [])]);
}

function rule(name, message) {
  const known = RULES.find(([pattern]) => pattern.test(message))?.[1];
  if (known) return t(known);
  const max = message.match(/^must be at most (\d+) characters/)?.[1];
  if (max) return t("field_too_long", { max });
  return hasText(`field_${name}`) ? t(`field_${name}`) : message;
}
