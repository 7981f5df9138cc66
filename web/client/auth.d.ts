/** The signed-in user. */
export interface User {
  /** A UUID. */
  readonly id: string;
  readonly email: string;
  /** Whether the user has proved that the address is theirs. */
  readonly email_verified: boolean;
  readonly username: string | null;
  readonly name: string | null;
  /** Language of mails, if the user chose one. */
  readonly locale: string | null;
  readonly roles: readonly string[];
  /** Whether signing in requires a second factor. */
  readonly second_factor?: boolean;
  /** Those of `roles` that this session does not have, because they require a stronger login. */
  readonly roles_withheld?: readonly string[];
}

/** What a user interface shows. The object stays the same until something changes, and is frozen. */
export type AuthState =
  /** A page has not heard from the server yet, or a server is rendering the page. */
  | { readonly status: "loading"; readonly user: null; readonly reason?: undefined }
  | { readonly status: "signed-in"; readonly user: User; readonly reason?: undefined }
  /** `reason` is set if the server ended the session, and stays until the next sign-in. */
  | { readonly status: "signed-out"; readonly user: null; readonly reason?: SessionEndReason }
  /**
   * A session exists, but no valid access token can be obtained. The client retries by itself. `user` is known unless
   * the page was loaded meanwhile. `reason` is the code of the error.
   */
  | { readonly status: "offline"; readonly user: User | null; readonly reason: AuthErrorCode };

/** Why the server ended a session. */
export type SessionEndReason =
  | "logged_out"
  | "expired"
  | "reuse_detected"
  | "revoked"
  | "password_changed"
  | "email_changed"
  | "factor_changed"
  | "account_recovered"
  | "user_disabled"
  | "user_deleted"
  | "unknown"
  /** The browser has no refresh cookie: it expired, was deleted, or the browser blocks it. */
  | "missing_token";

/** An event of the session, in this tab or another one. */
export type AuthEvent =
  /** A session has started. A reload is none. */
  | { readonly type: "signed-in"; readonly user: User; readonly reason?: undefined }
  /** The user signed out. */
  | { readonly type: "signed-out"; readonly user: null; readonly reason?: undefined }
  /** This tab has a new access token. */
  | { readonly type: "renewed"; readonly user: User; readonly reason?: undefined }
  /** Name, username, address or roles have changed. */
  | { readonly type: "user-updated"; readonly user: User; readonly reason?: undefined }
  /** The server ended the session. */
  | { readonly type: "session-ended"; readonly user: null; readonly reason: SessionEndReason };

export type AuthEventType = AuthEvent["type"];

/** Codes of {@link AuthError}. */
export type AuthErrorCode =
  | "malformed_request"
  | "invalid_credentials"
  | "missing_token"
  | "invalid_token"
  | "token_expired"
  | "token_stale"
  | "session_ended"
  | "invalid_code"
  | "email_code_required"
  | "mfa_required"
  | "mfa_enrolment_required"
  | "challenge_expired"
  | "passkey_unknown"
  | "passkey_invalid"
  | "origin_not_allowed"
  | "csrf_failed"
  | "role_required"
  | "fresh_login_required"
  | "stronger_login_required"
  | "registration_closed"
  | "password_change_required"
  | "email_unverified"
  | "not_found"
  | "method_not_allowed"
  | "email_taken"
  | "last_administrator"
  | "user_disabled"
  | "key_conflict"
  | "own_account"
  | "factor_required"
  | "link_invalid"
  | "body_too_large"
  | "unsupported_media_type"
  | "invalid_input"
  | "too_many_requests"
  | "internal_error"
  | "unavailable"
  /** No response: the network or the server is down, or the server does not allow the page's origin. */
  | "unreachable"
  /** The response is not the auth server's: a proxy, a captive portal, a wrong `authUrl`. */
  | "unexpected_response"
  /** The user dismissed the browser's question for a passkey, or another question replaced it. */
  | "passkey_cancelled"
  /** The device or security key is registered already. */
  | "passkey_exists"
  /** The browser has no passkeys. */
  | "passkey_unsupported";

/** Either `email` or `username`, and the password. */
export type Credentials = (
  | { email: string; username?: undefined }
  | { username: string; email?: undefined }
) & {
  password: string;
  /** The user's choice after a `password_change_required`. */
  newPassword?: string;
  /** Keeps the user signed in after the browser is closed. Defaults to true. */
  remember?: boolean;
};

export interface NewUser {
  email: string;
  password: string;
  username?: string;
  name?: string;
  /** As in {@link Credentials}. */
  remember?: boolean;
}

/** A mail was requested, whether or not one is sent. */
export interface Continuation {
  /** Makes the code in the mail valid for this page. Keep it in memory. */
  readonly continuation: string;
  /** Seconds until it expires. */
  readonly expires_in: number;
}

/** One sign-in on one device. Times are in RFC 3339 format. */
export interface Session {
  /** A UUID. */
  id: string;
  /** Whether this is the session that made the request. */
  current: boolean;
  created_at: string;
  last_used_at: string;
  /** The latest time at which the session ends. */
  expires_at: string;
  /** IP address of the last use. */
  ip: string | null;
  /** `User-Agent` of the last use. */
  user_agent: string | null;
  /** Readable form of `user_agent`, such as "Firefox on Linux". Reported by the browser, not verified. */
  device: string | null;
}

export interface Sessions {
  /** Most recently used first. */
  sessions: Session[];
  /** Cursor of the next page. Absent on the last page. */
  next_cursor?: string;
}

/** An entry of the user's audit log. */
export interface SecurityEvent {
  /** In RFC 3339 format. */
  at: string;
  /** Such as `login_succeeded`. The server's OpenAPI document lists all types. */
  type: string;
  user_id: string | null;
  session_id: string | null;
  ip: string | null;
  user_agent: string | null;
  device: string | null;
  /** Further members, depending on the type: for example the `reason` of `session_ended`. */
  details: Record<string, unknown>;
}

export interface SecurityEvents {
  /** Newest first. */
  items: SecurityEvent[];
  /** Cursor of the next page. Absent on the last page. */
  next_cursor?: string;
}

/** The claims of an access token, and custom claims that an administrator has set. */
export interface Claims {
  sub: string;
  /** Id of the session. */
  sid: string;
  roles: string[];
  name: string;
  /** Seconds since 1970. */
  exp: number;
  /** Seconds since 1970. */
  iat: number;
  /** When the user last logged in or gave the password, in seconds since 1970. */
  auth_time: number;
  /** How strong the login was. */
  acr: "1fa" | "mfa" | "phr";
  [claim: string]: unknown;
}

/** `localStorage`, `sessionStorage`, or an object with the same three methods. */
export interface AuthStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export interface AuthClientOptions {
  /** URL of the auth server, such as `https://auth.example.org`. Defaults to the page's origin. */
  authUrl?: string;
  /** Origins that may receive access tokens. Defaults to the page's origin. */
  apiOrigins?: string[];
  /**
   * How sessions that this client starts receive their tokens. Defaults to `refresh_cookie`. `both_cookies` requires
   * that the page and both servers have one origin. `body` works without cookies: in apps and programs.
   */
  tokenDelivery?: "refresh_cookie" | "both_cookies" | "body";
  /** The API that access tokens are for, one of the server's `AUDIENCES`. Defaults to the first of them. */
  audience?: string;
  /**
   * Keeps the session across reloads. Defaults to `localStorage`, which receives no token; with `body` to the memory of
   * this client, because the storage then contains the refresh token.
   */
  storage?: AuthStorage;
  /** Makes all requests. Defaults to the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /**
   * Asks for the password when a call requires a more recent login. The client then verifies it and repeats the call.
   * Called again with `error` after a wrong password. Return null if the user cancels: the call fails with
   * `fresh_login_required`, and `authFetch` returns the API's 403.
   */
  onFreshLogin?(request: FreshLoginRequest): Promise<string | null | undefined> | string | null | undefined;
}

export interface FreshLoginRequest {
  user: User | null;
  /** Why the previous password was not accepted: `invalid_credentials` or `unreachable`. */
  error?: AuthError;
}

/** Clients of a page with the same options, apart from `apiOrigins` and `onFreshLogin`, share one state. */
export interface AuthClient {
  readonly state: AuthState;
  /** Calls `listener` after each change of `state`. Returns a function that removes it. Fits `useSyncExternalStore`. */
  subscribe(listener: (state: AuthState) => void): () => void;
  /** Calls `listener` at each event of this type. Returns a function that removes it. */
  on<Type extends AuthEventType>(type: Type, listener: (event: Extract<AuthEvent, { type: Type }>) => void): () => void;
  /** Resolves with the first state that is not `loading`; on a server that renders pages, with that. Never rejects. */
  readonly ready: Promise<AuthState>;
  /** Whether the user has the role. Decides what to show: only the API decides what is allowed. */
  hasRole(role: string): boolean;
  /** The claims of the current access token, not verified. Null without one, and with `both_cookies`. */
  claims(): Claims | null;

  /**
   * Starts a session. @throws AuthError, for example `invalid_credentials`, `too_many_requests`, or
   * `password_change_required`: an administrator set the password; retry with `newPassword`, too; or
   * `email_code_required`: call `verifyEmail` of `account.js` with the error's `continuation` and the mailed code, and retry;
   * or `mfa_required` and `mfa_enrolment_required`: see `factors.js`
   */
  login(credentials: Credentials): Promise<User>;
  /**
   * Creates a user and starts a session. With `EMAIL_VERIFICATION=required` it returns a continuation instead, whether or not
   * the address is free: ask for the code in the mail, and call `confirmRegistration` of `account.js`.
   * @throws AuthError, for example `email_taken`, `invalid_input`
   */
  register(user: NewUser): Promise<User | Continuation>;
  /** @internal Makes a call without a session, for `factors.js`. */
  send(method: string, path: string, options?: { body?: object; member?: string }): Promise<unknown>;
  /** @internal Starts a session with another call, for `account.js` and `factors.js`. */
  startSession(path: string, body: object): Promise<User | Continuation>;
  /** @internal Makes another call for the session, for `account.js` and `factors.js`. */
  callWithSession(method: string, path: string, options?: { body?: object; member?: string }): Promise<unknown>;
  /** Ends the session in all tabs. @throws AuthError: the session is then still active */
  logout(): Promise<void>;
  /** Ends all sessions of the user on all devices. @throws AuthError, for example `fresh_login_required` */
  logoutEverywhere(): Promise<void>;

  /**
   * `fetch` with the access token. Retries once with a new token if the response is 401. Sends no token if no user is
   * signed in. An aborted `signal` ends the call at once, even during a renewal. Sends no cookies unless
   * `init.credentials` requests them or `input` is a Request with `credentials: "include"`. "same-origin", the default
   * of a Request, requests none.
   * @throws TypeError for an origin that is not in `apiOrigins`; AuthError if no token can be obtained
   */
  authFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /**
   * Returns a valid access token, renewed if necessary; null if no user is signed in, or with `both_cookies`.
   * @throws AuthError
   */
  accessToken(): Promise<string | null>;
  /**
   * Obtains a new access token now, and returns it as `accessToken` does. Concurrent calls share one request.
   * @throws AuthError if the server cannot be reached or is unavailable
   */
  refreshAccess(): Promise<string | null>;

  // The methods below act for the session that this page shows. They throw AuthError `session_ended` or `missing_token`
  // if it has ended; the user is then signed out. If another tab has started a different session, they throw
  // `session_ended` and make no request. After `fresh_login_required`, which `onFreshLogin` handles, call
  // `reauthenticate` and retry.

  /**
   * Verifies the password again, for calls that require a recent login (`fresh_login_required`). Obtains new tokens, as
   * a refresh does. @throws AuthError, for example `invalid_credentials`, `too_many_requests`
   */
  reauthenticate(password: string): Promise<void>;
  /**
   * Changes the password. This browser stays signed in, with new tokens. Other sessions end unless `endOtherSessions`
   * is false. If the response is lost twice (`unreachable`), the password may have been changed: retry with the same
   * arguments.
   * @throws AuthError, for example `invalid_credentials`, or `invalid_input` with `fields.new_password`
   */
  changePassword(currentPassword: string, newPassword: string, options?: { endOtherSessions?: boolean }): Promise<void>;
  /**
   * Changes the display name, the username or the language of mails. Other tabs show it after their next renewal.
   * @throws AuthError, for example `invalid_input`; for a username also `fresh_login_required`
   */
  updateProfile(profile: { name?: string; username?: string; locale?: string }): Promise<User>;
  /** Deletes the user and signs out. @throws AuthError, for example `last_administrator` or `fresh_login_required` */
  deleteAccount(): Promise<void>;
  /** Lists the user's active sessions. A page has 50 items unless `limit` is given. @throws AuthError */
  sessions(options?: { limit?: number; cursor?: string }): Promise<Sessions>;
  /**
   * Ends a session. If it is the current one, this also signs out. @throws AuthError, for example `not_found`, or
   * `fresh_login_required` for another than the current session
   */
  endSession(id: string): Promise<void>;
  /** Lists the user's events, newest first. A page has 50 items unless `limit` is given. @throws AuthError */
  events(options?: { limit?: number; cursor?: string }): Promise<SecurityEvents>;
}

/** A failed call to the auth server. `state` shows whether the session is still active. */
export class AuthError extends Error {
  readonly name: "AuthError";
  /** HTTP status; 0 if there was no response. */
  readonly status: number;
  readonly code: AuthErrorCode;
  /** Why the session has ended, for `session_ended`. */
  readonly reason?: SessionEndReason;
  /** Messages by field name, for `invalid_input`. */
  readonly fields?: Record<string, string>;
  /** Everything that is wrong, for `invalid_input`. */
  readonly errors?: { field: string; code: string; message: string; params?: Record<string, unknown> }[];
  /** Seconds. */
  readonly retryAfter?: number;
  /** How many more codes are accepted, for `invalid_code`. */
  readonly attemptsLeft?: number;
  /** For `email_code_required`: makes the code in the mail valid. */
  readonly continuation?: string;
  /** For `mfa_required` and `mfa_enrolment_required`: pass the error to `completeLogin` or `enrol` of `factors.js`. */
  readonly challenge?: string;
  /** For `mfa_required` and `stronger_login_required`: what the user can prove. */
  readonly methods?: readonly ("totp" | "passkey" | "recovery_code")[];
  /** For `mfa_required`: seconds until the challenge expires. */
  readonly expires_in?: number;
}

/**
 * With `refresh_cookie` and `both_cookies`, a client outside of pages and workers shows `loading` and makes no request to
 * the auth server, so that a server can render pages with it. With `body` it works everywhere.
 */
export function createAuthClient(options?: AuthClientOptions): AuthClient;
