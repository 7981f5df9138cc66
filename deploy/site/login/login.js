/**
 * Where the proxy leads people whose access token is not there or not good any more: renews it, or asks for the password,
 * and goes back to where they wanted to go.
 *
 * Tokens are in HttpOnly cookies (`token_delivery` `both_cookies`), which this script never sees. It is needed even where they are
 * good: browsers leave SameSite=Strict cookies at home when a link of another site is followed, and take them along when
 * this page goes on.
 *
 * @module
 */

import { returnTarget } from "./return_target.js";

/** Who comes back so soon was refused once more: going there again would lead here again. */
const TOO_SOON_MS = 10_000;
/** How long a tab waits for another one that is renewing the session. */
const TURN_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 15_000;
const LAST_RETURN = "latchkey:returned";
const RENEWAL = "latchkey:renewal";

const target = returnTarget(location);
const [message, form, again] = ["message", "form", "again"].map((id) => document.getElementById(id));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.inert = true;
  show("One moment …");
  await attempt(logIn);
  form.inert = false;
});
again.addEventListener("click", () => {
  sessionStorage.removeItem(LAST_RETURN);
  location.reload();
});
await attempt(() => inTurn(goOn));

/** With the access token that is there, or with another one. */
async function goOn() {
  if (!(await isLetIn()) && !(await renew())) {
    show("");
    askForPassword();
    return;
  }
  await goBack();
}

async function renew() {
  // Kept until there is an answer: if it gets lost, the same key brings the same tokens once more.
  const key = localStorage.getItem(RENEWAL) ?? randomKey();
  localStorage.setItem(RENEWAL, key);
  const answer = await send("/auth/refresh", undefined, { "Idempotency-Key": key });
  if (answer.ok || answer.status === 401) localStorage.removeItem(RENEWAL);
  if (answer.ok) return !(await answer.json()).access_token; // Otherwise it is the session of a page that keeps its own.
  if (answer.status === 401) return false;
  throw await problem(answer);
}

async function logIn() {
  const { name, password, remember } = form.elements;
  const person = name.value.includes("@") ? { email: name.value } : { username: name.value };
  const body = { ...person, password: password.value, remember: remember.checked, token_delivery: "both_cookies" };
  const answer = await send("/auth/login", body);
  if (!answer.ok) throw await problem(answer);
  form.hidden = true;
  password.value = "";
  sessionStorage.removeItem(LAST_RETURN);
  await goBack();
}

/** Only where the token opens something, and not twice in a row: no clock that is off makes people go round in circles. */
async function goBack() {
  const [last, at] = sessionStorage.getItem(LAST_RETURN)?.split(" ") ?? [];
  const tooSoon = last === target.href && Math.abs(Date.now() - at) < TOO_SOON_MS;
  if (tooSoon || !(await isLetIn())) {
    show("You are logged in, but your session is not accepted there. Please try again later.");
    again.hidden = false;
    return;
  }
  sessionStorage.setItem(LAST_RETURN, `${target.href} ${Date.now()}`);
  location.replace(target.href);
}

/** Whether the access token is there and good. */
async function isLetIn() {
  const answer = await fetch("/login/session", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  if (answer.status === 204 || answer.status === 401) return answer.status === 204;
  throw await problem(answer);
}

function send(path, body, headers = {}) {
  const json = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
  return fetch(path, { method: "POST", headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS), ...json });
}

async function problem(answer) {
  const { code, detail, retry_after: seconds } = await answer.json().catch(() => ({}));
  return Object.assign(new Error(detail), { code, seconds });
}

async function attempt(task) {
  try {
    await task();
  } catch ({ code, seconds }) {
    const words = {
      invalid_credentials: "The name or the password is wrong.",
      invalid_input: "The name or the password is wrong.",
      too_many_requests: `Too many attempts. Try again in ${seconds} seconds.`,
    };
    show(words[code] ?? "The server cannot be reached at present. Please try again.");
    again.hidden = !form.hidden;
  }
}

/** One tab after the other: the browser has one refresh cookie for all of them. */
function inTurn(task) {
  if (!navigator.locks) return task();
  const signal = AbortSignal.timeout(TURN_TIMEOUT_MS);
  return navigator.locks.request(RENEWAL, { signal }, task);
}

function askForPassword() {
  form.hidden = false;
  form.elements.name.focus();
}

function show(text) {
  message.textContent = text;
}

/** 128 random bits. */
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
