import "./account.js";
import { confirmed } from "./confirmation.js";
import { busy, element, explain, say, sayGoodbye, submitted } from "./messages.js";
import { apiUrl, auth } from "./servers.js";

/** How long to wait when the auth server does not answer. */
const RETRY_MS = 5_000;
const TICK_MS = 250;

/** The token that is shown: `{ token, claims, since, life }` in milliseconds. */
let shown = null;
let renewals = 0;
let wasLoggedIn = false;
let retryAt = 0;
/** The renewal that is under way. */
let renewing = null;

element("api-url").textContent = apiUrl;
element("register-form").addEventListener("submit", (event) => submit(event, auth.register, "Welcome!"));
element("login-form").addEventListener("submit", (event) => submit(event, auth.login, "Welcome back."));
element("logout").addEventListener("click", ({ target }) => busy(target, logOut));
element("refresh").addEventListener("click", ({ target }) => busy(target, renewNow));
for (const button of document.querySelectorAll("[data-call]")) {
  button.addEventListener("click", () => busy(button, () => call(button.dataset.method ?? "GET", button.dataset.call)));
}

auth.onChange(show);
setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", tick);
await show();

async function submit(event, open, welcome) {
  const done = await submitted(event, ({ name, email, password, remember }) => {
    const person = { email: email.value, password: password.value };
    if (name?.value) person.name = name.value;
    if (remember) person.remember = remember.checked;
    return open(person);
  });
  if (!done) return;
  say(welcome);
  element("who").focus();
}

async function logOut() {
  await auth.logout();
  sayGoodbye("Logged out. The cookie is gone, and the server has ended the session.");
}

async function renewNow() {
  await auth.refreshAccess();
  if (auth.isLoggedIn()) say("Renewed: a new access token, and a new refresh token in the cookie.");
}

async function call(method, path) {
  const answer = await ask(method, path);
  if (answer?.code === "fresh_login_required" && (await confirmed())) await ask(method, path);
}

/** Calls the API, shows what it answers, and returns it. */
async function ask(method, path) {
  const answer = await auth.authFetch(apiUrl + path, { method });
  const text = await answer.text();
  const body = parsed(text);
  const shown = body === undefined ? text : JSON.stringify(body, null, 2);
  element("answer").textContent = `${answer.status} ${method} ${path}\n${shown}`;
  return body;
}

/** Shows who is logged in, and the token, if it is another one than before. */
async function show() {
  const loggedIn = auth.isLoggedIn();
  const user = auth.user();
  element("logged-out").hidden = loggedIn;
  element("logged-in").hidden = !loggedIn;
  element("who").textContent = user ? `Hello ${user.name ?? user.username ?? user.email}` : "Logged in";
  element("email").textContent = user ? [user.email, ...user.roles].join(" · ") : "";
  if (wasLoggedIn && !loggedIn) say("The session has ended: log in again.");
  wasLoggedIn = loggedIn;
  if (!loggedIn) {
    shown = null;
    renewals = 0;
    return;
  }
  await attempt(async () => {
    const token = await auth.accessToken();
    if (token === null || token === shown?.token) return;
    if (shown) renewals += 1;
    const claims = claimsOf(token);
    shown = { token, claims, since: Date.now(), life: (claims.exp - claims.iat) * 1000 };
    element("claims").textContent = JSON.stringify(claims, null, 2);
    tick();
  });
}

/** Shows how long the token lives, and has it renewed in time. Not in a hidden tab: nobody is there. */
function tick() {
  if (!auth.isLoggedIn()) return;
  const left = shown ? Math.max(0, shown.since + shown.life - Date.now()) : 0;
  element("token-bar").max = shown?.life ?? 1;
  element("token-bar").value = left;
  element("token-left").textContent = !shown ? "none yet" : left > 0 ? `${Math.ceil(left / 1000)} s left` : "has run out";
  element("renewals").textContent = element("renew-by-itself").checked
    ? `Renewed ${renewals} ${renewals === 1 ? "time" : "times"} since this page was opened.`
    : "When it has run out, the next call renews it first.";
  if (!element("renew-by-itself").checked || document.hidden || Date.now() < retryAt) return;
  renewing ??= attempt(() => auth.accessToken()).finally(() => {
    renewing = null;
  });
}

/** What nobody has clicked for. It is tried again later, and says so only while it fails. */
async function attempt(task) {
  try {
    await task();
    if (retryAt > 0) say("The auth server answers again. You are still logged in.");
    retryAt = 0;
  } catch (error) {
    retryAt = Date.now() + RETRY_MS;
    say(`${explain(error)} You are still logged in; it is tried again every few seconds.`, true);
  }
}

/** The payload of a JWT. Only for looking at: whether it is true, an API finds out by the signature. */
function claimsOf(token) {
  const bytes = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))));
}

/** Nothing where it is no JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
