import { createAccountClient } from "../client/account.js";
import { createAuthClient } from "../client/auth.js";
import { element } from "./messages.js";
import { recordedFetch } from "./network.js";

const settings = await loadSettings();
/** Origin of the resource server that this page calls. */
export const apiUrl = settings.api_url;
/** Whether the auth server sends mails. */
export const hasMail = settings.has_mail;
/** The `fetch` of this page's client, which records the requests. */
export const pageFetch = recordedFetch();
/** Client of the auth server, which also serves this page. */
export const auth = createAuthClient({ apiOrigins: [apiUrl], fetch: pageFetch });
export const account = createAccountClient({ fetch: pageFetch, auth });

for (const name of ["mail", "mailbox", "pages"]) {
  for (const part of document.querySelectorAll(`.${name}`)) part.hidden = !settings[`has_${name}`];
}

async function loadSettings() {
  try {
    return await (await fetch("settings.json")).json();
  } catch (error) {
    element("loading").textContent = "The auth server cannot be reached. Reload the page.";
    throw error;
  }
}
