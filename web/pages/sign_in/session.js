// The session of this browser. All tabs of this origin share it.
import { createAccountClient } from "../../client/account.js";
import { createAuthClient } from "../../client/auth.js";
import { withFactors } from "../../client/factors.js";
import { authUrl, options } from "./page.js";

export const auth = withFactors(createAuthClient({ authUrl, tokenDelivery: options.tokenDelivery }));
export const account = createAccountClient({ authUrl, auth });

/** The signed-in user, or null. A page of another origin may have started the session. @throws AuthError */
export async function findUser() {
  await auth.ready;
  if (auth.state.status !== "signed-in" && "hasSession" in options) await auth.refreshAccess();
  return auth.state.status === "signed-in" ? auth.state.user : null;
}
