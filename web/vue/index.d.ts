import type { AuthClient, AuthState, SessionEndReason, User } from "@latchkey/client";
import type { ComputedRef, Plugin } from "vue";

/** A plugin that makes the client available to all components: `app.use(createAuth(client))`. */
export function createAuth(client: AuthClient): Plugin<[]>;

/**
 * The state as refs, and the client as `auth`. Call it in `setup`. If the plugin has another client, name its type:
 * `useAuth<FactorsClient>()`.
 */
export function useAuth<Client extends AuthClient = AuthClient>(): {
  status: ComputedRef<AuthState["status"]>;
  user: ComputedRef<User | null>;
  reason: ComputedRef<AuthState["reason"]>;
  auth: Client;
};

/** Shows its slot while a user is known, also while the auth server is unreachable. */
export const SignedIn: new () => { $props: {}; $slots: { default?(props: { user: User }): unknown } };

/** Shows its slot if no user is signed in. The reason is set if the server ended the session. */
export const SignedOut: new () => { $props: {}; $slots: { default?(props: { reason?: SessionEndReason }): unknown } };

/** Shows its slot to signed-in users, and only to those with the role if there is one. */
export const Protected: new () => {
  $props: { role?: string };
  $slots: {
    default?(props: { user: User }): unknown;
    /** Shown if no user is signed in. The reason is set if the server ended the session. */
    fallback?(props: { reason?: SessionEndReason }): unknown;
    /** Shown to users without the role. */
    forbidden?(): unknown;
    /** Shown until the user is known. */
    loading?(): unknown;
  };
};
