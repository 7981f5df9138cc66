// Who uses the console, and whether the server can be reached. live.js keeps it true.
import { auth, base } from "./api.js";
import { createStore, useStore } from "./ui.js";

/**
 * `access`: `loading`, `admin`, `none` (never had the role), `withheld` (it requires a stronger login), `lost` (the role was taken away), `signed-out`, `other`
 * (another user has signed in). `connection`: `ok` or `lost`. `readiness`: which servers are not ready,
 * and why, or null.
 */
export const session = createStore({ user: null, access: "loading", connection: "ok", readiness: null });

/** Whether nothing can be changed now. Forms become read-only. */
export const useLocked = () => useStore(session).access !== "admin";

const isWithheld = (user) => Boolean(user.roles_withheld?.includes("admin"));

export const isAdmin = (user) => user.roles.includes("admin") && !isWithheld(user);

export const accessOf = (user) => (isWithheld(user) ? "withheld" : isAdmin(user) ? "admin" : "none");

/** Goes to the sign-in page, and returns to this route. */
export function goToLogin() {
  location.assign(loginUrl());
}

export const loginUrl = () => `${new URL("login", base).href}?return_to=${encodeURIComponent(location.href)}`;

export async function signOut() {
  await auth.logout();
  goToLogin();
}

/** Reads who is signed in. @returns the user, null without a session. @throws if the server cannot be reached */
export async function identify() {
  await auth.ready.catch(() => {});
  if (auth.state.status !== "signed-in") await auth.refreshAccess();
  return auth.state.user;
}
