import { codeForm } from "./code_form.js";
import { submitForm } from "./forms.js";
import { element, runAction, showMessage } from "./messages.js";
import { account, auth } from "./servers.js";
import { selectTab } from "./tabs.js";
import { viewIsShown } from "./view.js";

const loginForm = element("login-form");
const registerForm = element("register-form");
const [askForCode, closeCodeForm] = codeForm("code-form", [element("sign-in-tabs"), element("sign-in-panels")]);
registerForm.addEventListener("submit", (event) => signIn(event, register, "Account created."));
loginForm.addEventListener("submit", (event) => signIn(event, logIn, "You are signed in."));
// Also by a link that was opened in another tab.
auth.on("signed-in", closeCodeForm);
loginForm.elements.email.addEventListener("input", () => requestNewPassword(false));
element("logout").addEventListener("click", ({ target }) => runAction(target, signOut));
element("refresh").addEventListener("click", ({ target }) => runAction(target, renewNow));

/** For actions that end the session: moves the focus to the sign-in form. */
export async function showSignedOut(text) {
  showMessage(text);
  selectTab(element("login-tab"));
  await viewIsShown();
  loginForm.elements.email.focus();
}

async function signIn(event, startSession, message) {
  const succeeded = await submitForm(event, ({ name, email, password, remember, new_password }) => {
    const request = { email: email.value, password: password.value };
    if (name?.value) request.name = name.value;
    if (remember) request.remember = remember.checked;
    if (new_password?.value) request.newPassword = new_password.value;
    return startSession(request);
  });
  if (succeeded) await showSignedIn(message);
}

async function showSignedIn(message) {
  for (const form of [registerForm, loginForm]) form.reset();
  showMessage(message);
  await viewIsShown();
  element("user-title").focus();
}

/** @returns {Promise<boolean>} false if the code in a mail is required first */
async function register(user) {
  const again = () => auth.register(user);
  const result = await again();
  if (!result.continuation) return true;
  const done = () => showSignedIn("Account created.");
  askForCode({ ...result, recipient: user.email, again, confirm: account.confirmRegistration, done });
  return false;
}

/** @returns {Promise<boolean>} false if the code in a mail is required first */
async function logIn(credentials) {
  try {
    await auth.login(credentials);
    requestNewPassword(false);
    return true;
  } catch (error) {
    if (error.code === "password_change_required") requestNewPassword(true);
    if (error.code !== "email_code_required") throw error;
    requestCode(credentials, error);
    return false;
  }
}

function requestCode({ email: recipient, ...credentials }, { continuation }) {
  const start = () => auth.login({ email: recipient, ...credentials });
  // The server rejects the login, and sends another mail.
  const again = () => start().catch((error) => (error.continuation ? error : Promise.reject(error)));
  const confirm = async (proof) => {
    await account.verifyEmail(proof);
    await start();
  };
  askForCode({ continuation, recipient, again, confirm, done: () => showSignedIn("You are signed in.") });
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
  await showSignedOut("Signed out. The server has ended the session and deleted the cookie.");
}

async function renewNow() {
  await auth.refreshAccess();
  if (auth.state.user) showMessage("Renewed: the page has a new access token, the cookie a new refresh token.");
}
