// Custom claims as JSON, checked while typing.
import { Field } from "./forms.js";
import { html } from "./ui.js";

/** As the server limits them: compact JSON in UTF-8. */
const MAX_BYTES = 1024;

/** JSON outside of strings. */
const STRING = /"(?:[^"\\]|\\.)*"/g;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export const printClaims = (claims) => (Object.keys(claims).length ? JSON.stringify(claims, null, 2) : "{}");

/** @returns `{ claims, bytes }`, and `error` if they cannot be saved */
export function parseClaims(text) {
  let claims;
  try {
    claims = JSON.parse(text.trim() || "{}");
  } catch (error) {
    return { error: `This is not JSON${position(error, text)}.` };
  }
  if (typeof claims !== "object" || !claims || Array.isArray(claims)) return { error: "Use a JSON object: { … }." };
  if (hasInexactNumber(text)) return { error: "Contains a number beyond 9007199254740991, which browsers do not keep exactly. Use a string, or the API." };
  const bytes = new TextEncoder().encode(JSON.stringify(claims)).length;
  if (bytes > MAX_BYTES) return { claims, bytes, error: `${bytes - MAX_BYTES} bytes too long.` };
  return { claims, bytes };
}

/** `JSON.parse` rounds large integers without an error. */
function hasInexactNumber(text) {
  const numbers = text.replace(STRING, "").match(NUMBER) ?? [];
  return numbers.map(Number).some((number) => Math.abs(number) > Number.MAX_SAFE_INTEGER);
}

/** Chromium names the position, Firefox the line. */
function position({ message }, text) {
  const [, line] = /line (\d+)/.exec(message) ?? [];
  const [, offset] = /position (\d+)/.exec(message) ?? [];
  const found = line ?? (offset && text.slice(0, Number(offset)).split("\n").length);
  return found ? ` (see line ${found})` : "";
}

export function ClaimsField({ text, onInput, error }) {
  const parsed = parseClaims(text);
  const used = parsed.bytes === undefined ? "–" : parsed.bytes.toLocaleString("en");
  const hint = html`<span class="row-hint"><span>JSON in every access token of the user.</span><span class=${parsed.bytes > MAX_BYTES ? "bad" : ""}>${used} of 1,024 bytes</span></span>`;
  const rows = Math.min(12, Math.max(3, text.split("\n").length));
  return html`
    <${Field} class="claims" label="Claims" multiline value=${text} onInput=${onInput} hint=${hint} error=${parsed.error ?? error} rows=${rows} spellcheck=${false} autocomplete="off" dir="ltr" />
  `;
}
