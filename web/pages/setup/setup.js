// Creates the first administrator with the token of the setup link. It is in the fragment, which browsers send to no server.
import { createAuthClient } from "../../client/auth.js";
import { onSubmit } from "../form.js";
import "../password_field.js";
import { t } from "../texts.js";

const auth = createAuthClient({
  authUrl: new URL("../..", import.meta.url).href,
  tokenDelivery: document.querySelector("main").dataset.tokenDelivery,
});
const form = document.getElementById("form");
const element = (id) => document.getElementById(id);
const token = () => location.hash.slice(1);

// Another link that is opened in this tab changes only the fragment.
addEventListener("hashchange", () => location.reload());

if (token()) {
  onSubmit(form, setUp, handle);
  form.elements.email.focus();
} else {
  showUnusable(t("setup_no_token"));
}

async function setUp({ email, name, password }) {
  await auth.startSession("/auth/setup", { token: token(), email, name: name || undefined, password });
  location.replace("admin/");
}

/** A link that cannot be used takes the place of the form. */
function handle({ code }) {
  if (code !== "link_invalid") return false;
  showUnusable(t("setup_invalid"));
  element("unusable-how").hidden = false;
  return true;
}

function showUnusable(why) {
  form.hidden = element("lead").hidden = true;
  element("unusable-why").textContent = why;
  element("unusable").hidden = false;
}
