// Pages of mailed links. The token is in the fragment of the URL, which browsers send to no server. It is used only when the
// user submits the form: a program that opens the link changes nothing.
import { sentence } from "../errors.js";
import { t } from "../texts.js";
import { account } from "./session.js";

/** The token of the link, if there is one. */
export const token = location.hash.slice(1);

// Another link that is opened in this tab changes only the fragment.
addEventListener("hashchange", () => location.reload());
for (const link of document.querySelectorAll(".languages a")) link.hash = location.hash;

/** Shows the form if the link is valid, without using it. */
export async function openLink(form, leadKey) {
  const lead = document.getElementById("lead");
  try {
    const { email } = await account.inspectLink(token);
    // Otherwise a line can end after the ellipsis.
    lead.textContent = t(leadKey, { email: email.replace("…", "…\u2060") });
    form.hidden = false;
    form.classList.remove("checking");
    form.querySelector("fieldset:not([hidden]) input, :scope > .field input")?.focus();
  } catch (error) {
    if (!showInvalidLink(form, error)) showFailure(form, leadKey, error);
  }
}

/** For `onSubmit`: a link that is no longer valid ends the form. */
export function showInvalidLink(form, error) {
  if (error.code !== "link_invalid") return false;
  form.hidden = true;
  const lead = document.getElementById("lead");
  lead.textContent = sentence(error);
  lead.classList.add("message");
  document.getElementById("again").hidden = false;
  return true;
}

/** The server cannot be reached: the link may still be valid. */
function showFailure(form, leadKey, error) {
  const lead = document.getElementById("lead");
  lead.textContent = sentence(error);
  form.hidden = true;
  const retry = document.createElement("button");
  retry.className = "quiet";
  retry.textContent = t("try_again");
  retry.addEventListener("click", () => {
    retry.remove();
    openLink(form, leadKey);
  });
  lead.after(retry);
}
