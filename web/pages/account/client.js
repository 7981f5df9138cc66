// The clients of the session, which all tabs of this origin share.
import { createAccountClient } from "../../client/account.js";
import { createAuthClient } from "../../client/auth.js";
import { withFactors } from "../../client/factors.js";
import { askForProof } from "./fresh_login.js";

/** The auth server, which may have a path. */
export const authUrl = new URL("../..", import.meta.url).href;
export const auth = withFactors(createAuthClient({ authUrl }), { onStepUp: askForProof });
export const account = createAccountClient({ authUrl, auth });

/** Where users sign in, and come back from. @param {string} [section] id of the section to come back to */
export function loginUrl(section = location.hash.slice(1)) {
  const back = new URL(location.pathname, location.href);
  back.hash = section;
  return `login?return_to=${encodeURIComponent(back.href)}`;
}
