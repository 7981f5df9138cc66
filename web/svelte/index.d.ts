import type { AuthClient, AuthState, SessionEndReason, User } from "@latchkey/client";
import type { Component, Snippet } from "svelte";
import type { Readable } from "svelte/store";

export interface Auth {
  /** The state: `$session.user` in a component. */
  session: Readable<AuthState>;
  auth: AuthClient;
}

/** Makes the client available to all components below. Call it in the root component. */
export function setAuth(client: AuthClient): Auth;

/** The state as a store, and the client. Call it while a component is initialized. */
export function useAuth(): Auth;

/** Shows its children while a user is known, also while the auth server is unreachable. */
export const SignedIn: Component<{ children?: Snippet<[User]> }>;

/** Shows its children if no user is signed in. They receive the reason if the server ended the session. */
export const SignedOut: Component<{ children?: Snippet<[SessionEndReason?]> }>;

/** Shows its children to signed-in users, and only to those with the role if there is one. */
export const Protected: Component<{
  role?: string;
  children?: Snippet<[User]>;
  /** Shown if no user is signed in. Receives the reason if the server ended the session. */
  fallback?: Snippet<[SessionEndReason?]>;
  /** Shown to users without the role. */
  forbidden?: Snippet;
  /** Shown until the user is known. */
  loading?: Snippet;
}>;
