import { createAccountClient } from "../client/account.js";
import { createAuthClient } from "../client/auth.js";
import { element } from "./messages.js";
import { recordedFetch } from "./network.js";

/** Origin of the resource server that this page calls, and whether the auth server sends mails and shows them. */
export const { api_url: apiUrl, has_mail: hasMail, has_mailbox: hasMailbox } = await loadSettings();
/** The `fetch` of this page's client, which records the requests. */
export const pageFetch = recordedFetch();
/** Client of the auth server, which also serves this page. */
export const auth = createAuthClient({ apiOrigins: [apiUrl], fetch: pageFetch });
export const account = createAccountClient({ fetch: pageFetch, auth });

for (const part of document.querySelectorAll(".mail")) part.hidden = !hasMail;
for (const part of document.querySelectorAll(".mailbox")) part.hidden = !hasMailbox;

async function loadSettings() {
  try {
    return await (await fetch("settings.json")).json();
  } catch (error) {
    element("loading").textContent = "The auth server cannot be reached. Reload the page.";
    throw error;
  }
}
