/**
 * The proxy redirects browsers to this page if their access token is missing or invalid. The page refreshes the session
 * or asks for the password, then returns to the requested page.
 *
 * The tokens are in HttpOnly cookies (`token_delivery` `both_cookies`), which this script cannot read. Browsers pass
 * through this page even with valid tokens: they omit SameSite=Strict cookies when they follow a link of another site,
 * and send them when this page navigates.
 *
 * @module
 */

import { returnTarget } from "./return_target.js";

/** A browser that comes back within this time was rejected again: returning once more would cause a redirect loop. */
const LOOP_MS = 10_000;
/** Timeout for the lock that tabs share. */
const LOCK_TIMEOUT_MS = 20_000;
const RESPONSE_TIMEOUT_MS = 15_000;
const LAST_RETURN = "latchkey:returned";
/** Name of the lock, and of the localStorage item with the Idempotency-Key of a refresh. */
const REFRESH = "latchkey:renewal";

const target = returnTarget(location);
const [message, form, newPassword, retry] = ["message", "form", "new-password", "retry"].map((id) =>
  document.getElementById(id),
);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.inert = true;
  show("Signing in …");
  await attempt(logIn);
  form.inert = false;
  form.querySelector("input:invalid")?.focus();
});
// The new password belongs to this user's login.
form.elements.name.addEventListener("input", () => requestNewPassword(false));
retry.addEventListener("click", () => {
  ifPossible(() => sessionStorage.removeItem(LAST_RETURN));
  location.reload();
});
await attempt(() => withLock(resume));

/** Returns to the requested page if the access token is valid or can be refreshed. */
async function resume() {
  if (!(await hasValidToken()) && !(await refresh())) {
    show("");
    askForPassword();
    return;
  }
  await goBack();
}

async function refresh() {
  // The key is kept until a response arrives: if it is lost, a retry with the same key receives the same tokens.
  const key = ifPossible(() => localStorage.getItem(REFRESH)) ?? randomKey();
  ifPossible(() => localStorage.setItem(REFRESH, key));
  const response = await send("/auth/refresh", undefined, { "Idempotency-Key": key });
  if (response.ok || response.status === 401) ifPossible(() => localStorage.removeItem(REFRESH));
  // A session that delivers access tokens in the body belongs to another page.
  if (response.ok) return !(await response.json()).access_token;
  if (response.status === 401) return false;
  throw await problem(response);
}

async function logIn() {
  const { name, password, new_password, remember } = form.elements;
  const user = name.value.includes("@") ? { email: name.value } : { username: name.value };
  const body = { ...user, password: password.value, remember: remember.checked, token_delivery: "both_cookies" };
  if (new_password.value) body.new_password = new_password.value;
  const response = await send("/auth/login", body);
  if (!response.ok) throw await problem(response);
  form.hidden = true;
  form.reset();
  ifPossible(() => sessionStorage.removeItem(LAST_RETURN));
  await goBack();
}

/** Returns only with a valid token, and not twice in a row, so that a wrong clock cannot cause a redirect loop. */
async function goBack() {
  const [last, at] = ifPossible(() => sessionStorage.getItem(LAST_RETURN))?.split(" ") ?? [];
  const isLoop = last === target.href && Math.abs(Date.now() - at) < LOOP_MS;
  if (isLoop || !(await hasValidToken())) {
    show("You are signed in, but the site does not accept your session. Try again later.");
    retry.hidden = false;
    return;
  }
  ifPossible(() => sessionStorage.setItem(LAST_RETURN, `${target.href} ${Date.now()}`));
  location.replace(target.href);
}

/** Whether the browser has a valid access token. */
async function hasValidToken() {
  const response = await fetch("/login/session", { cache: "no-store", signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS) });
  if (response.status === 204 || response.status === 401) return response.status === 204;
  throw await problem(response);
}

function send(path, body, headers = {}) {
  const json = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
  return fetch(path, { method: "POST", headers, signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS), ...json });
}

async function problem(response) {
  const { code, detail, retry_after: seconds } = await response.json().catch(() => ({}));
  return Object.assign(new Error(detail), { code, seconds });
}

async function attempt(task) {
  try {
    await task();
  } catch ({ code, seconds }) {
    const texts = {
      invalid_credentials: "Wrong email, username or password.",
      invalid_input: newPassword.hidden
        ? "Wrong email, username or password."
        : "The new password is too short or easy to guess. It needs at least 9 characters.",
      password_change_required: "An administrator set this password. Choose a new one.",
      too_many_requests: `Too many attempts. Try again in ${seconds} seconds.`,
    };
    if (code === "password_change_required") requestNewPassword(true);
    show(texts[code] ?? "The server cannot be reached. Try again.");
    retry.hidden = !form.hidden;
  }
}

/** Runs `task` in one tab at a time: all tabs share one refresh cookie. */
async function withLock(task) {
  let isRunning = false;
  const run = () => {
    isRunning = true;
    return task();
  };
  try {
    return await navigator.locks.request(REFRESH, { signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) }, run);
  } catch (error) {
    if (isRunning) throw error;
    // The browser has no Web Locks or blocks them, or a tab holds the lock too long. The server handles concurrent calls.
    return task();
  }
}

/** Browsers block storage, or it is full. Returns undefined if `task` throws. */
function ifPossible(task) {
  try {
    return task();
  } catch {
    return undefined;
  }
}

/** Shows or hides the field for a new password. */
function requestNewPassword(isRequired) {
  const input = form.elements.new_password;
  newPassword.hidden = !isRequired;
  input.required = isRequired;
  if (!isRequired) input.value = "";
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
