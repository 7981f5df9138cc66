import "./account.js";
import { confirmPassword } from "./confirmation.js";
import { element, errorText, runAction, showMessage, showSignedOut, submitForm } from "./messages.js";
import { apiUrl, auth } from "./servers.js";
import { followSignInLink } from "./sign_in_link.js";

const TICK_MS = 250;

/** The token shown: `{ receivedAt, lifetime }`, in milliseconds. */
let shown = null;
let renewals = 0;
let wasSignedIn = false;
let wasOffline = false;

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

auth.subscribe(show);
auth.on("signed-in", showToken);
auth.on("renewed", () => {
  if (shown) renewals += 1;
  showToken();
});
setInterval(tick, TICK_MS);
await followSignInLink();
show(auth.state);

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
  if (auth.state.user) showMessage("Renewed: the page has a new access token, the cookie a new refresh token.");
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

/** Shows the user, and what is wrong with the session. */
function show({ status, user, reason }) {
  const isSignedIn = status !== "signed-out";
  element("signed-out").hidden = isSignedIn;
  element("signed-in").hidden = !isSignedIn;
  element("user-title").textContent = user ? `Signed in as ${user.name ?? user.username ?? user.email}` : "Signed in";
  element("user-facts").textContent = user ? [user.email, ...user.roles].join(" · ") : "";
  if (wasSignedIn && !isSignedIn) showMessage("Your session has ended. Sign in again.");
  if (status === "offline") showMessage(`${describeOutage(reason)} You are still signed in. The page retries.`, true);
  if (wasOffline && user) showMessage("The auth server is available again. You are still signed in.");
  wasSignedIn = isSignedIn;
  wasOffline = status === "offline";
  if (isSignedIn) return;
  shown = null;
  renewals = 0;
}

const describeOutage = (code) =>
  code === "unreachable" ? "The auth server cannot be reached." : `The auth server does not respond as expected (${code}).`;

function showToken() {
  const claims = auth.claims();
  shown = { receivedAt: Date.now(), lifetime: (claims.exp - claims.iat) * 1000 };
  element("claims").textContent = JSON.stringify(claims, null, 2);
  tick();
}

/** Shows the remaining lifetime of the token. */
function tick() {
  const left = shown ? Math.max(0, shown.receivedAt + shown.lifetime - Date.now()) : 0;
  element("token-bar").max = shown?.lifetime ?? 1;
  element("token-bar").value = left;
  element("token-left").textContent = !shown ? "none yet" : left > 0 ? `${Math.ceil(left / 1000)} s left` : "expired";
  const count = `Renewed ${renewals} ${renewals === 1 ? "time" : "times"} since the page was loaded`;
  element("renewals").textContent = `${count}, each time shortly before the token expires.`;
}

/** Returns undefined if the text is not JSON. */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
