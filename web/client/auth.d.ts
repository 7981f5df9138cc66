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
}

/** A call to the auth server that did not succeed. It never means that the session is over. */
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
