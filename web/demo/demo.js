import "./account.js";
import { confirmPassword } from "./confirmation.js";
import { element, errorText, runAction, showMessage, showSignedOut, submitForm } from "./messages.js";
import { apiUrl, auth } from "./servers.js";

/** Delay before a failed background call to the auth server is retried. */
const RETRY_MS = 5_000;
const TICK_MS = 250;

/** The token shown: `{ token, receivedAt, lifetime }`, in milliseconds. */
let shown = null;
let renewals = 0;
let wasSignedIn = false;
let retryAt = 0;
/** The pending background renewal. */
let renewing = null;

const loginForm = element("login-form");
element("api-url").textContent = apiUrl;
element("register-form").addEventListener("submit", (event) => signIn(event, auth.register, "Account created."));
loginForm.addEventListener("submit", (event) => signIn(event, logIn, "You are signed in."));
loginForm.elements.email.addEventListener("input", () => requestNewPassword(false));
element("logout").addEventListener("click", ({ target }) => runAction(target, signOut));
element("refresh").addEventListener("click", ({ target }) => runAction(target, renewNow));
for (const button of document.querySelectorAll("[data-call]")) {
  const { call: path, method = "GET" } = button.dataset;
  button.addEventListener("click", () => runAction(button, () => callApi(method, path)));
}

auth.onChange(show);
setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", tick);
await show();

async function signIn(event, startSession, message) {
  const succeeded = await submitForm(event, ({ name, email, password, remember, new_password }) => {
    const request = { email: email.value, password: password.value };
    if (name?.value) request.name = name.value;
    if (remember) request.remember = remember.checked;
    if (new_password?.value) request.newPassword = new_password.value;
    return startSession(request);
  });
  if (!succeeded) return;
  showMessage(message);
  element("user-title").focus();
}

async function logIn(credentials) {
  try {
    await auth.login(credentials);
    requestNewPassword(false);
  } catch (error) {
    if (error.code === "password_change_required") requestNewPassword(true);
    throw error;
  }
}

/** Shows or hides the field for a new password, which a password that an administrator set requires. */
function requestNewPassword(isRequired) {
  const input = loginForm.elements.new_password;
  element("required-password").hidden = !isRequired;
  input.required = isRequired;
  if (!isRequired) input.value = "";
}

async function signOut() {
  await auth.logout();
  showSignedOut("Signed out. The server has ended the session and deleted the cookie.");
}

async function renewNow() {
  await auth.refreshAccess();
  if (auth.isLoggedIn()) showMessage("Renewed: the page has a new access token, the cookie a new refresh token.");
}

async function callApi(method, path) {
  const content = await request(method, path);
  if (content?.code === "fresh_login_required" && (await confirmPassword())) await request(method, path);
}

/** Calls the API, shows the response and returns its JSON content. */
async function request(method, path) {
  const response = await auth.authFetch(apiUrl + path, { method });
  const text = await response.text();
  const content = parseJson(text);
  const body = content === undefined ? text : JSON.stringify(content, null, 2);
  element("response").textContent = `${response.status} ${method} ${path}\n${body}`;
  return content;
}

/** Shows the user, and the access token if it has changed. */
async function show() {
  const isSignedIn = auth.isLoggedIn();
  const user = auth.user();
  element("signed-out").hidden = isSignedIn;
  element("signed-in").hidden = !isSignedIn;
  element("user-title").textContent = user ? `Signed in as ${user.name ?? user.username ?? user.email}` : "Signed in";
  element("user-facts").textContent = user ? [user.email, ...user.roles].join(" · ") : "";
  if (wasSignedIn && !isSignedIn) showMessage("Your session has ended. Sign in again.");
  wasSignedIn = isSignedIn;
  if (!isSignedIn) {
    shown = null;
    renewals = 0;
    return;
  }
  await runInBackground(async () => {
    const token = await auth.accessToken();
    if (token === null || token === shown?.token) return;
    if (shown) renewals += 1;
    const claims = decodeClaims(token);
    shown = { token, receivedAt: Date.now(), lifetime: (claims.exp - claims.iat) * 1000 };
    element("claims").textContent = JSON.stringify(claims, null, 2);
    tick();
  });
}

/** Shows the remaining lifetime of the token. Renews it in time, unless the tab is hidden. */
function tick() {
  if (!auth.isLoggedIn()) return;
  const isAutomatic = element("auto-renew").checked;
  const left = shown ? Math.max(0, shown.receivedAt + shown.lifetime - Date.now()) : 0;
  element("token-bar").max = shown?.lifetime ?? 1;
  element("token-bar").value = left;
  element("token-left").textContent = !shown ? "none yet" : left > 0 ? `${Math.ceil(left / 1000)} s left` : "expired";
  element("renewals").textContent = isAutomatic
    ? `Renewed ${renewals} ${renewals === 1 ? "time" : "times"} since the page was loaded.`
    : "If it has expired, the next call renews it first.";
  if (!isAutomatic || document.hidden || Date.now() < retryAt) return;
  renewing ??= runInBackground(() => auth.accessToken()).finally(() => {
    renewing = null;
  });
}

/** Runs a task that no click started. After a failure, `tick` retries it. */
async function runInBackground(task) {
  try {
    await task();
    if (retryAt > 0) showMessage("The auth server is available again. You are still signed in.");
    retryAt = 0;
  } catch (error) {
    retryAt = Date.now() + RETRY_MS;
    showMessage(`${errorText(error)} You are still signed in. Retrying every few seconds.`, true);
  }
}

/** Decodes the payload of a JWT for display. Only the API verifies the signature. */
function decodeClaims(token) {
  const bytes = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))));
}

/** Returns undefined if the text is not JSON. */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
