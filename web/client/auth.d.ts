/** Who is logged in. */
export interface User {
  /** A UUID. */
  id: string;
  email: string;
  username: string | null;
  name: string | null;
  roles: string[];
}

export interface Credentials {
  /** One of the two. */
  email?: string;
  username?: string;
  password: string;
  /** false: until the browser is closed. By default true. */
  remember?: boolean;
}

export interface NewPerson {
  email: string;
  password: string;
  username?: string;
  name?: string;
  remember?: boolean;
}

/** One login on one device. */
export interface Session {
  /** A UUID. */
  id: string;
  /** Whether it is the one that asks. */
  current: boolean;
  /** Times are in RFC 3339. */
  created_at: string;
  last_used_at: string;
  /** When it is over at the latest. */
  expires_at: string;
  /** Where it was last used, and with what. */
  ip: string | null;
  user_agent: string | null;
  /** The same, for people: "Firefox on Linux". Hearsay. */
  device: string | null;
}

/** Something that happened to the account. */
export interface SecurityEvent {
  at: string;
  /** Such as `login_succeeded`; all of them are in the server's OpenAPI document. */
  type: string;
  user_id: string | null;
  session_id: string | null;
  ip: string | null;
  user_agent: string | null;
  device: string | null;
  /** More, by name: the `reason` of an end. */
  details: Record<string, unknown>;
}

export interface SecurityEvents {
  /** Newest first. */
  items: SecurityEvent[];
  /** For the next page; absent on the last. */
  next_cursor?: string;
}

export interface AuthClientOptions {
  /** Where the auth server is, such as `https://auth.example.org`. By default, where the page is from. */
  authUrl?: string;
  /** Where access tokens may be sent to. By default, where the page is from. */
  apiOrigins?: string[];
}

export interface AuthClient {
  /** Opens a session. @throws AuthError, for example `invalid_credentials`, `too_many_requests` */
  login(credentials: Credentials): Promise<User>;
  /** Makes an account and opens a session. @throws AuthError, for example `email_taken`, `invalid_input` */
  register(person: NewPerson): Promise<User>;
  /** Ends the session, in all tabs. @throws AuthError: then it still lives, and nothing has changed */
  logout(): Promise<void>;
  /** Ends all sessions of the person, on all devices. @throws AuthError */
  logoutEverywhere(): Promise<void>;
  /**
   * A new access token; null where the session is over. One call to the server, however often it is called at a time.
   * @throws AuthError if nobody can tell: try again later, with whatever calls this next
   */
  refreshAccess(): Promise<string | null>;
  /** An access token that is good for a while, renewed if need be; null where nobody is logged in. @throws AuthError */
  accessToken(): Promise<string | null>;
  /**
   * `fetch` with the access token. An answer 401 is tried once more with a new token. Where nobody is logged in, the
   * call is made without one. Sends no cookies, unless `init.credentials` says so.
   * @throws TypeError for an origin that is not one of `apiOrigins`; AuthError if no token is to be had
   */
  authFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Whether somebody is logged in, as far as this browser knows. Asks nobody. */
  isLoggedIn(): boolean;
  /** Who, once the server has said so in this tab: after a reload, that is after the first `refreshAccess`. */
  user(): User | null;
  /** Calls back after each login, logout and renewal, in this tab or another. Returns what ends it. */
  onChange(listener: (user: User | null) => void): () => void;

  // The account. Where the session turns out to be over, these throw AuthError `session_ended` or `missing_token`, and
  // nobody is logged in any more. They act for the session that the page shows, never for one that another tab has
  // opened meanwhile: that is `session_ended`, too.

  /**
   * Proves once more who is there, and gets an access token that says so, for what wants a fresh login
   * (`fresh_login_required`). @throws AuthError, for example `invalid_credentials`, `too_many_requests`
   */
  reauthenticate(password: string): Promise<User>;
  /**
   * Changes the password. All tabs of this browser stay logged in; so does whoever else is, if `endOtherSessions` is
   * false. @throws AuthError, for example `invalid_credentials`, or `invalid_input` with `fields.new_password`
   */
  changePassword(currentPassword: string, newPassword: string, options?: { endOtherSessions?: boolean }): Promise<void>;
  /**
   * Deletes the account, and logs out. @throws AuthError, for example `fresh_login_required`: `reauthenticate`, then
   * call it again; or `last_administrator`
   */
  deleteAccount(): Promise<void>;
  /** Where the person is logged in, last used first. @throws AuthError */
  sessions(): Promise<Session[]>;
  /** Ends one of these, the own one as well. @throws AuthError, for example `not_found` */
  endSession(id: string): Promise<void>;
  /** What happened to the account, page by page; 50 at a time, unless `limit` says otherwise. @throws AuthError */
  events(options?: { limit?: number; cursor?: string }): Promise<SecurityEvents>;
}

/** A call to the auth server that did not succeed. Whether the session is over, `isLoggedIn` tells. */
export class AuthError extends Error {
  readonly name: "AuthError";
  /** Of the answer; 0 without one. */
  readonly status: number;
  /** The server's, or `unreachable`, or `unexpected_answer`. */
  readonly code: string;
  readonly reason?: string;
  /** What is wrong with which field, at `invalid_input`. */
  readonly fields?: Record<string, string>;
  /** Seconds. */
  readonly retryAfter?: number;
}

export function createAuthClient(options?: AuthClientOptions): AuthClient;
