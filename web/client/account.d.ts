import type { AuthClient, Continuation, User } from "./auth.js";

export type { Continuation } from "./auth.js";

/** Options of {@link createAccountClient}. */
export interface AccountClientOptions {
  /** URL of the auth server. Defaults to the page's origin. */
  authUrl?: string;
  /** Replaces `fetch`. */
  fetch?: typeof fetch;
  /** The client of the session, for the calls that start or require one. */
  auth?: AuthClient;
}


/** What a page can show before a link is used. */
export interface Link {
  purpose: "register" | "verify" | "reset" | "change" | "invite";
  /** First character and domain of the address. */
  email: string;
  /** Seconds until the link expires. */
  expires_in: number;
  /** What using the link requires. */
  needs: "new_password" | "password" | "session";
}

/** The token of a link, or a code with the continuation of its request. */
export type LinkOrCode =
  | { token: string; continuation?: undefined; code?: undefined }
  | { continuation: string; code: string; token?: undefined };

export interface AccountClient {
  /** Describes a link without using it. @throws AuthError `link_invalid` */
  inspectLink(token: string): Promise<Link>;
  /** Requests a mail with a link and a code. The result is the same if no user has the address. @throws AuthError */
  forgotPassword(email: string): Promise<Continuation>;
  /** Sets a new password. All sessions of the user end. @throws AuthError, for example `invalid_code` or `link_invalid` */
  resetPassword(proof: LinkOrCode, newPassword: string): Promise<void>;
}

/** The calls that start or require a session. They behave like those of {@link AuthClient}: all tabs learn of a new session. */
export interface AccountClientWithSession extends AccountClient {
  /**
   * Completes a registration for which `register` returned a continuation, and starts a session. A link requires the
   * continuation or the password of the registration.
   * @throws AuthError, for example `invalid_code`, `link_invalid`, or `email_taken`: another user proved the address first
   */
  confirmRegistration(proof: (LinkOrCode | { token: string; continuation: string }) & SecondLeg): Promise<User>;
  /** Creates the user of an invitation and starts a session. @throws AuthError, for example `link_invalid`, `invalid_input` */
  acceptInvitation(invitation: {
    token: string;
    password: string;
    name?: string;
    username?: string;
    remember?: boolean;
  }): Promise<User>;
  /** Requests a mail with a link and a code that prove the address of the signed-in user. @throws AuthError */
  requestVerification(): Promise<Continuation>;
  /**
   * Proves the address of a user. A link requires a session of the user, or the `password`. A code requires the continuation
   * of its request: after `email_code_required`, that of the error. Sign in again afterwards.
   * @throws AuthError, for example `invalid_code` with `attemptsLeft`, or `link_invalid`
   */
  verifyEmail(proof: LinkOrCode & { password?: string }): Promise<User>;
  /**
   * Requests a mail with a link and a code to a new address. Until one of them is used, the account stays as it is. A
   * further call replaces this one. @throws AuthError, for example `fresh_login_required`
   */
  changeEmail(email: string): Promise<Continuation>;
  /**
   * Gives the user the new address. Other sessions end unless `endOtherSessions` is false.
   * @throws AuthError, for example `invalid_code` with `attemptsLeft`, `link_invalid`, `email_taken`
   */
  confirmEmailChange(proof: LinkOrCode, options?: { endOtherSessions?: boolean }): Promise<User>;
  /** The requested change of the address, if there is one. @throws AuthError */
  pendingEmailChange(): Promise<{ email: string; expires_at: string } | null>;
  /** Ends all sessions of the user but this one. @throws AuthError, for example `fresh_login_required` */
  endOtherSessions(): Promise<void>;
  /** Makes the link and the code of a requested change useless. @throws AuthError */
  cancelEmailChange(): Promise<void>;
}

interface SecondLeg {
  password?: string;
  /** Keeps the user signed in after the browser is closed. Defaults to true. */
  remember?: boolean;
}

export function createAccountClient(options: AccountClientOptions & { auth: AuthClient }): AccountClientWithSession;
export function createAccountClient(options?: AccountClientOptions): AccountClient;
