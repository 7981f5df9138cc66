import type { AuthClient, AuthState, SessionEndReason, User } from "@latchkey/client";
import type { ReactElement, ReactNode } from "react";

/** Makes the client available to all components below. Create it once, outside of components. */
export function AuthProvider(props: { client: AuthClient; children?: ReactNode }): ReactElement;

/**
 * The state, which renders the component again when it changes, and the client as `auth`. If the provider has another client,
 * name its type: `useAuth<FactorsClient>()`.
 */
export function useAuth<Client extends AuthClient = AuthClient>(): AuthState & { readonly auth: Client };

/** Shows its children while a user is known, also while the auth server is unreachable. A function receives the user. */
export function SignedIn(props: { children?: ReactNode | ((user: User) => ReactNode) }): ReactNode;

/** Shows its children if no user is signed in. A function receives the reason if the server ended the session. */
export function SignedOut(props: { children?: ReactNode | ((reason?: SessionEndReason) => ReactNode) }): ReactNode;

/** Shows its children to signed-in users, and only to those with the role if there is one. */
export function Protected(props: {
  role?: string;
  children?: ReactNode | ((user: User) => ReactNode);
  /** Shown if no user is signed in. A function receives the reason if the server ended the session. */
  fallback?: ReactNode | ((reason?: SessionEndReason) => ReactNode);
  /** Shown to users without the role. */
  forbidden?: ReactNode;
  /** Shown until the user is known. */
  loading?: ReactNode;
}): ReactNode;
