import { sentence } from "../errors.js";
import { showMessage } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";
import { enableSignIn } from "./credentials.js";
import { leave } from "./next.js";
import { options } from "./page.js";
import { auth, findUser } from "./session.js";

const [form, signedIn] = ["form", "signed-in"].map((id) => document.getElementById(id));

enableSignIn(form, continueAsUser);
signedIn.querySelector("a").addEventListener("click", async (event) => {
  event.preventDefault();
  await leave({ isRetry: true });
});
signedIn.querySelector("button").addEventListener("click", async () => {
  await auth.logout().catch(() => {});
  show(form);
});

try {
  if (await findUser()) await continueAsUser();
  else show(form);
} catch (error) {
  show(form);
  showMessage(form, sentence(error));
}

/** Goes on at once if there is a page to return to, and says who is signed in if it sends the browser back. */
async function continueAsUser() {
  const isSubmitted = !form.hidden && !form.classList.contains("checking");
  if (("isReturn" in options || isSubmitted) && (await leave())) return;
  const { user } = auth.state;
  signedIn.querySelector("b").textContent = user.name ?? user.username ?? user.email;
  signedIn.querySelector(".hint").textContent = "isReturn" in options ? t("not_accepted") : user.email;
  show(signedIn);
}

function show(part) {
  form.hidden = part !== form;
  signedIn.hidden = part !== signedIn;
  document.querySelector(".more").hidden = part === signedIn || Boolean(auth.pendingLogin());
  form.classList.remove("checking");
  part.querySelector("[data-stage]:not([hidden]) :is(input, [data-focus]), a").focus();
}
