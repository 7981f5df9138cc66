import { clearResponse } from "./calls.js";
import { element, showMessage } from "./messages.js";
import { clearToken } from "./token.js";

const view = element("view");
/** In place of the user, who is unknown after a reload until the first refresh. */
const PENDING = { loading: "Loading…", offline: "Not loaded yet" };

let wasSignedIn = false;
let wasOffline = false;

/** Shows the user, and what is wrong with the session. */
export function show({ status, user, reason }) {
  const isSignedIn = status !== "signed-out";
  const isOffline = status === "offline";
  const outage = isOffline ? `${describeOutage(reason)} You are still signed in. The page retries.` : "";
  view.hidden = false;
  element("loading").hidden = true;
  // The style of each view hides its first moments: otherwise what is below would visibly jump.
  view.dataset.view = isSignedIn ? "signed-in" : "signed-out";
  element("signed-out").hidden = isSignedIn;
  element("signed-in").hidden = !isSignedIn;
  element("user-title").textContent = user ? `Signed in as ${user.name ?? user.username ?? user.email}` : "Signed in";
  element("user-facts").textContent = user ? [user.email, ...user.roles].join(" · ") : (PENDING[status] ?? "");
  element("offline").textContent = outage;
  if (wasSignedIn && !isSignedIn) showMessage("Your session has ended. Sign in again.");
  if (wasOffline && user) showMessage("The auth server is available again. You are still signed in.");
  wasSignedIn = isSignedIn;
  wasOffline = isOffline;
  if (isSignedIn) return;
  clearToken();
  clearResponse();
}

/** Resolves when the view is visible and can have the focus. */
export const viewIsShown = () => Promise.all(view.getAnimations().map(({ finished }) => finished));

const describeOutage = (code) =>
  code === "unreachable" ? "The auth server cannot be reached." : `The auth server does not respond as expected (${code}).`;
