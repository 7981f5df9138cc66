/** The signed-in user. */
export interface User {
  /** A UUID. */
  id: string;
  email: string;
  username: string | null;
  name: string | null;
  roles: string[];
}

/** Either `email` or `username` is required. */
export interface Credentials {
  email?: string;
  username?: string;
  password: string;
  /** The user's choice after a `password_change_required`. */
  newPassword?: string;
  /** Keeps the user signed in after the browser is closed. Defaults to true. */
  remember?: boolean;
}

export interface NewPerson {
  email: string;
  password: string;
  username?: string;
  name?: string;
  /** As in {@link Credentials}. */
  remember?: boolean;
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

export interface AuthClientOptions {
  /** URL of the auth server, such as `https://auth.example.org`. Defaults to the page's origin. */
  authUrl?: string;
  /** Origins that may receive access tokens. Defaults to the page's origin. */
  apiOrigins?: string[];
}

/** All clients of one auth server share the session of the page. */

export interface AuthClient {
  /**
   * Starts a session. @throws AuthError, for example `invalid_credentials`, `too_many_requests`, or
   * `password_change_required`: an administrator set the password; retry with `newPassword`, too
   */
  login(credentials: Credentials): Promise<User>;
  /** Creates a user and starts a session. @throws AuthError, for example `email_taken`, `invalid_input` */
  register(user: NewPerson): Promise<User>;
  /** Ends the session in all tabs. @throws AuthError: the session is then still active */
  logout(): Promise<void>;
  /** Ends all sessions of the user on all devices. @throws AuthError, for example `fresh_login_required` */
  logoutEverywhere(): Promise<void>;
  /**
   * Returns a new access token, or null if the session has ended. Concurrent calls share one request.
   * @throws AuthError if the server cannot be reached or is unavailable: retry later
   */
  refreshAccess(): Promise<string | null>;
  /** Returns a valid access token, renewed if necessary; null if no user is signed in. @throws AuthError */
  accessToken(): Promise<string | null>;
  /**
   * `fetch` with the access token. Retries once with a new token if the response is 401. Sends no token if no user is
   * signed in. An aborted `signal` ends the call at once, even during a renewal. Sends no cookies unless
   * `init.credentials` requests them or `input` is a Request with `credentials: "include"`. "same-origin", the default
   * of a Request, requests none.
   * @throws TypeError for an origin that is not in `apiOrigins`; AuthError if no token can be obtained
   */
  authFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Whether a user is signed in, according to this browser's storage. Makes no request. */
  isLoggedIn(): boolean;
  /** The signed-in user. After a reload this is null until the first refresh. */
  user(): User | null;
  /** Calls `listener` after each login, logout and renewal in any tab. Returns a function that removes it. */
  onChange(listener: (user: User | null) => void): () => void;

  // The methods below act for the session that this page shows. They throw AuthError `session_ended` or `missing_token`
  // if it has ended; the user is then signed out. If another tab has started a different session, they throw
  // `session_ended` and make no request. After `fresh_login_required`, call `reauthenticate` and retry.

  /**
   * Verifies the password again, for calls that require a recent login (`fresh_login_required`). Obtains new tokens, as
   * a refresh does. @throws AuthError, for example `invalid_credentials`, `too_many_requests`
   */
  reauthenticate(password: string): Promise<User>;
  /**
   * Changes the password. This browser stays signed in, with new tokens. Other sessions end unless `endOtherSessions`
   * is false. If the response is lost twice (`unreachable`), the password may have been changed: retry with the same
   * arguments.
   * @throws AuthError, for example `invalid_credentials`, or `invalid_input` with `fields.new_password`
   */
  changePassword(currentPassword: string, newPassword: string, options?: { endOtherSessions?: boolean }): Promise<void>;
  /**
   * Deletes the user and signs out. @throws AuthError, for example `last_administrator` or `fresh_login_required`
   */
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

/** A failed call to the auth server. `isLoggedIn()` returns whether the session is still active. */
export class AuthError extends Error {
  readonly name: "AuthError";
  /** HTTP status; 0 if there was no response. */
  readonly status: number;
  /** The server's problem code, or `unreachable`, or `unexpected_answer`. */
  readonly code: string;
  readonly reason?: string;
  /** Messages by field name, for `invalid_input`. */
  readonly fields?: Record<string, string>;
  /** Seconds. */
  readonly retryAfter?: number;
}

/**
 * Outside of pages and workers, such as on a server that renders pages, no user is signed in, and calls to the auth
 * server throw Error.
 */
export function createAuthClient(options?: AuthClientOptions): AuthClient;
