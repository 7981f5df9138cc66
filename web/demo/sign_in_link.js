import { AuthError } from "../client/auth.js";
import { showMessage } from "./messages.js";
import { auth, pageFetch } from "./servers.js";

/** Opening a link in a tab with this page changes only the fragment. */
addEventListener("hashchange", followSignInLink);

/**
 * Exchanges the code of a sign-in link, as the local stack prints it, for a session. The code is in the fragment of the URL,
 * which is not in requests, logs and referrers. It is removed from the history at once.
 *
 * @returns {Promise<void>} resolves without a request if the URL has no code
 */
export async function followSignInLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("sign-in");
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  // No link may replace the session of another user.
  await auth.ready;
  if (auth.state.status !== "signed-out") {
    return showMessage("You are signed in already. To use the sign-in link, sign out first.", true);
  }
  try {
    await exchange(code);
    await auth.refreshAccess();
    showMessage("The link has signed you in. It cannot be used again.");
  } catch (error) {
    showMessage(error instanceof AuthError ? error.message : "The auth server cannot be reached.", true);
  }
}

async function exchange(code) {
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }) };
  const response = await pageFetch("sign-in", request);
  if (!response.ok) throw new AuthError(await response.json());
}
