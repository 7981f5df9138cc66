import { codeForm } from "./code_form.js";
import { withFreshLogin } from "./confirmation.js";
import { submitForm } from "./forms.js";
import { element, runAction, showMessage } from "./messages.js";
import { account, auth, hasMail } from "./servers.js";

const section = element("email");
const form = element("email-form");
const verifyButton = element("verify-email");
const [askForCode, closeCodeForm] = codeForm("email-code-form", [element("email-now"), form]);
/** Id of the user whose address is shown. */
let userId;

section.hidden = !hasMail;
form.addEventListener("submit", changeEmail);
verifyButton.addEventListener("click", ({ target }) => runAction(target, verifyEmail));
auth.subscribe(show);
show(auth.state);

function show({ user }) {
  if (!user) return;
  if (user.id !== userId) closeCodeForm();
  userId = user.id;
  element("email-state").textContent = `${user.email} is ${user.email_verified ? "verified" : "not verified yet"}.`;
  verifyButton.hidden = user.email_verified;
}

async function changeEmail(event) {
  const recipient = form.elements.email.value;
  let request;
  const again = async () => ((await withFreshLogin(async () => (request = await account.changeEmail(recipient)))) ? request : null);
  const succeeded = await submitForm(event, async () => Boolean(await again()));
  if (!succeeded) return;
  const { confirmEmailChange: confirm, cancelEmailChange: cancel } = account;
  askForCode({ ...request, recipient, again, confirm, cancel, done: () => finish("Your address is changed.") });
}

async function verifyEmail() {
  const { requestVerification: again, verifyEmail: confirm } = account;
  const request = await again();
  askForCode({ ...request, recipient: auth.state.user.email, again, confirm, done: () => finish("Your address is verified.") });
}

function finish(text) {
  showMessage(text);
  section.querySelector("summary").focus();
}
