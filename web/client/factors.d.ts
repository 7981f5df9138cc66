import type { AuthClient, AuthError, Continuation, Credentials, NewUser, User } from "./auth.js";

export interface FactorsOptions {
  /**
   * Asks for a proof when a call requires a more recent or a stronger login. The client then verifies it and repeats the
   * call. Called again with `error` if the proof was not accepted. Return null if the user cancels: the call fails with the
   * server's error, and `authFetch` returns the API's 403.
   */
  onStepUp?(request: StepUpRequest): Promise<Proof | null | undefined> | Proof | null | undefined;
}

export interface StepUpRequest {
  user: User | null;
  /** `stronger_login_required`: a password is not enough. */
  code: "fresh_login_required" | "stronger_login_required";
  /** What the user can prove, if the server has told it. */
  methods?: readonly FactorMethod[];
  /** Why the previous proof was not accepted, for example `invalid_code` or `passkey_cancelled`. */
  error?: AuthError;
}

export type FactorMethod = "totp" | "passkey" | "recovery_code";
export type FactorKind = "totp" | "passkey" | "security_key";

/** What completes a login. With `passkey: true`, the browser asks for a passkey or security key. */
export type FactorProof =
  | { code: string; recoveryCode?: undefined; passkey?: undefined }
  | { recoveryCode: string; code?: undefined; passkey?: undefined }
  | { passkey: true; code?: undefined; recoveryCode?: undefined };

/** What raises a session. A password is accepted only from users without a second factor. */
export type Proof = (FactorProof & { password?: undefined }) | { password: string; code?: undefined; recoveryCode?: undefined; passkey?: undefined };

/** A login that requires a second factor: the error of `login`, or what `pendingLogin` returns. */
export type LoginChallenge = AuthError | PendingLogin;

export interface PendingLogin {
  readonly code: "mfa_required" | "mfa_enrolment_required";
  readonly challenge: string;
  readonly methods?: readonly FactorMethod[];
  /** When the challenge expires, in milliseconds since 1970. */
  readonly until: number;
  /** The factor whose enrolment has begun, and waits for `confirmEnrolment`. */
  readonly enrolling?: FactorKind;
}

export interface CompletedLogin {
  user: User;
  /** New ones. Show them now: the server never returns them again. */
  recovery_codes?: string[];
  /** How many unused ones the user has. */
  recovery_codes_left?: number;
}

/** A new authenticator app, which does not count until a code of it is confirmed. */
export interface NewTotp {
  id: string;
  /** In base32, for users who cannot scan the QR code. */
  secret: string;
  /** Opens an authenticator app on a phone. */
  uri: string;
  /** The QR code of `uri`. Show it as an image: `data:image/svg+xml,${encodeURIComponent(qr_svg)}`. */
  qr_svg: string;
  /** Seconds until it must be confirmed. */
  expires_in: number;
}

/** Options of the browser's ceremony, for `confirmEnrolment`. */
export interface NewPasskey {
  challenge: string;
}

export interface Factor {
  id: string;
  kind: FactorKind;
  name: string;
  /** In RFC 3339 format. */
  created_at: string;
  /** In RFC 3339 format. */
  last_used_at: string | null;
  /** Whether the passkey is available on several devices of the user. */
  synced?: boolean;
  /** Whether the user can sign in with it alone. */
  passwordless?: boolean;
}

export interface Factors {
  /** Whether signing in requires a second factor. */
  second_factor: boolean;
  factors: Factor[];
  recovery_codes_left: number;
  /** Whether codes of authenticator apps are refused, after too many wrong ones. Another factor unlocks them. */
  totp_locked: boolean;
  /** Credential ids of the user's passkeys. */
  passkey_ids: string[];
  /** The domain of the passkeys. Null if this server has none. */
  rp_id: string | null;
}

/** Members that are set if they were created by this change. Show them now: the server never returns them again. */
export interface NewRecoveryCodes {
  recovery_codes?: string[];
}

/**
 * The client with second factors and passkeys. Pass it to the bindings and to `createAccountClient` instead of the other: all
 * of its calls hand `fresh_login_required` and `stronger_login_required` to `onStepUp`.
 */
export interface FactorsClient extends AuthClient {
  /**
   * As in {@link AuthClient}. @throws AuthError `mfa_required`: call `completeLogin` with the error; or
   * `mfa_enrolment_required`: call `enrol` and `confirmEnrolment`
   */
  login(credentials: Credentials): Promise<User>;
  register(user: NewUser): Promise<User | Continuation>;
  /** As in {@link AuthClient}, without the roles that the server withholds until a stronger login. */
  hasRole(role: string): boolean;
  /**
   * The challenge of this tab, which survives a reload: phones drop a page while its user looks at the authenticator app.
   * Null without one, and after it has expired.
   */
  pendingLogin(): PendingLogin | null;
  /** Forgets the challenge of this tab. */
  cancelLogin(): void;
  /**
   * Completes a login and starts the session. @throws AuthError, for example `invalid_code`, `passkey_cancelled`,
   * `too_many_requests`, or `challenge_expired`: start again with `login`
   */
  completeLogin(challenge: LoginChallenge, proof: FactorProof): Promise<CompletedLogin>;
  /**
   * Begins to set up a factor during a login that requires one. Call `confirmEnrolment` next.
   * @throws AuthError, for example `email_code_required`: call again with the mailed code as `emailCode`
   */
  enrol(challenge: LoginChallenge, options?: { kind?: "totp"; emailCode?: string }): Promise<NewTotp>;
  enrol(challenge: LoginChallenge, options: { kind: "passkey" | "security_key"; emailCode?: string }): Promise<NewPasskey>;
  /**
   * Completes the enrolment and starts the session: with a code of the authenticator app, or with the result of `enrol` for a
   * passkey. @throws AuthError, for example `invalid_code`
   */
  confirmEnrolment(challenge: LoginChallenge, proof: { code: string } | { passkey: NewPasskey }): Promise<CompletedLogin>;

  /**
   * Starts a session with a passkey alone. @throws AuthError, for example `passkey_cancelled` or `passkey_unknown`
   */
  loginWithPasskey(options?: { conditional?: false; signal?: AbortSignal; remember?: boolean }): Promise<User>;
  /**
   * With `conditional`, the browser offers passkeys in the field with `autocomplete="username webauthn"`, and this waits until
   * the user chooses one. Returns null if the browser or the server cannot do that now, after an abort, and when another
   * question for a passkey begins: call it again when the user comes back to the field.
   */
  loginWithPasskey(options: { conditional: true; signal?: AbortSignal; remember?: boolean }): Promise<User | null>;

  /**
   * Proves again that it is the user, which raises the session for calls that require it. A string is the password.
   * @throws AuthError, for example `invalid_code`; for a password `stronger_login_required` with `methods`
   */
  reauthenticate(proof: string | Proof): Promise<void>;

  /** The user's factors. Tells the browser which passkeys the server accepts. @throws AuthError */
  factors(): Promise<Factors>;
  /** Turns the second factor on or off. @throws AuthError, for example `factor_required` or `email_unverified` */
  setSecondFactor(isOn: boolean): Promise<NewRecoveryCodes>;
  /** Begins to set up an authenticator app. @throws AuthError */
  addTotp(name?: string): Promise<NewTotp>;
  /**
   * Completes `addTotp` with a code, and turns the second factor on. Other sessions end unless `endOtherSessions` is false.
   * @throws AuthError, for example `invalid_code`
   */
  confirmTotp(id: string, code: string, options?: { endOtherSessions?: boolean }): Promise<NewRecoveryCodes>;
  /**
   * Registers a passkey, or a security key that is a second factor only.
   * @throws AuthError, for example `passkey_cancelled` or `passkey_exists`
   */
  addPasskey(options?: { kind?: "passkey" | "security_key"; name?: string }): Promise<Factor & NewRecoveryCodes>;
  /** @throws AuthError */
  renameFactor(id: string, name: string): Promise<void>;
  /** @throws AuthError, for example `factor_required`: the server's policy requires a factor, and this is the last one */
  removeFactor(id: string): Promise<void>;
  /** Makes ten new recovery codes. Earlier ones are void. @throws AuthError */
  makeRecoveryCodes(): Promise<string[]>;
}

export function withFactors(auth: AuthClient, options?: FactorsOptions): FactorsClient;
