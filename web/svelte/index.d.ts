import type { AuthClient, AuthState, SessionEndReason, User } from "@latchkey/client";
import type { Component, Snippet } from "svelte";
import type { Readable } from "svelte/store";

export interface Auth<Client extends AuthClient = AuthClient> {
  /** The state: `$session.user` in a component. */
  session: Readable<AuthState>;
  auth: Client;
}

/** Makes the client available to all components below. Call it in the root component. */
export function setAuth<Client extends AuthClient>(client: Client): Auth<Client>;

/**
 * The state as a store, and the client. Call it while a component is initialized. If another client was set, name its type:
 * `useAuth<FactorsClient>()`.
 */
export function useAuth<Client extends AuthClient = AuthClient>(): Auth<Client>;

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
