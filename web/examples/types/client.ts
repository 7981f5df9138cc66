// Checked with tsc --strict: what the types of the client allow, and what they reject.
import { createAccountClient } from "@latchkey/client/account";
import { type Factor, type FactorsClient, withFactors } from "@latchkey/client/factors";
import { AuthError, type AuthErrorCode, type AuthEvent, type AuthState, createAuthClient, type User } from "@latchkey/client";

const auth = createAuthClient({
  authUrl: "https://auth.example.org",
  apiOrigins: ["https://api.example.org"],
  tokenDelivery: "refresh_cookie",
  audience: "api",
  storage: sessionStorage,
  fetch: (input, init) => fetch(input, init),
  onFreshLogin: async ({ user, error }) => prompt(`${user?.email}: ${error?.message ?? "password"}`),
});

// @ts-expect-error an unknown delivery
createAuthClient({ tokenDelivery: "cookie" });
// @ts-expect-error no password
auth.login({ email: "ann@example.org" });
// @ts-expect-error neither e-mail nor username
auth.login({ password: "secret" });
// @ts-expect-error both
auth.login({ email: "ann@example.org", username: "ann", password: "secret" });
auth.login({ username: "ann", password: "secret", newPassword: "another", remember: false });
const result = await auth.register({ email: "ann@example.org", password: "secret", name: "Ann" });

const account = createAccountClient({ authUrl: "https://auth.example.org", auth });
if ("continuation" in result) {
  const user: User = await account.confirmRegistration({ continuation: result.continuation, code: "12345678" });
  console.log(user.email_verified);
}
account.acceptInvitation({ token: "token", password: "secret", name: "Ann" });
account.confirmEmailChange(await account.changeEmail("ann@example.com").then(({ continuation }) => ({ continuation, code: "1" })));
account.verifyEmail({ token: "token", password: "secret" });
// @ts-expect-error a code without the continuation of its request
account.verifyEmail({ code: "12345678" });
// @ts-expect-error it requires the client of the session
createAccountClient({ authUrl: "https://auth.example.org" }).changeEmail("ann@example.com");

export function describe(state: AuthState): string {
  switch (state.status) {
    case "loading":
      return "…";
    case "signed-in":
      return state.user.email;
    case "signed-out":
      return state.reason ?? "welcome";
    case "offline":
      return state.user?.email ?? state.reason;
  }
}

// @ts-expect-error the state cannot be changed
auth.state.user = null;
// @ts-expect-error nor can the user's roles
auth.state.user?.roles.push("admin");

auth.subscribe(({ status }) => console.log(status));
const stop: () => void = auth.on("session-ended", ({ reason }) => {
  const known: "revoked" | "expired" | string = reason;
  console.log(known);
});
stop();
auth.on("renewed", ({ user }: { user: User }) => console.log(user.name));
// @ts-expect-error an unknown event
auth.on("signed-up", () => {});
export const types: AuthEvent["type"][] = ["signed-in", "signed-out", "renewed", "user-updated", "session-ended"];

try {
  await auth.login({ email: "ann@example.org", password: "secret" });
} catch (error) {
  if (!(error instanceof AuthError)) throw error;
  const code: AuthErrorCode = error.code;
  // @ts-expect-error no such code
  if (error.code === "wrong_password") console.log(code);
  if (error.code === "too_many_requests") console.log(error.retryAfter?.toFixed());
  if (error.code === "invalid_input") console.log(error.fields?.email);
}

const claims = auth.claims();
export const expiry: number | undefined = claims?.exp;
export const ready: Promise<AuthState> = auth.ready;
export const isAdmin: boolean = auth.hasRole("admin");

const strong: FactorsClient = withFactors(auth, {
  onStepUp: async ({ code, error }) => (code === "fresh_login_required" ? { password: prompt("Password") ?? "" } : error ? null : { passkey: true }),
});
createAccountClient({ auth: strong });
try {
  await strong.login({ email: "ann@example.org", password: "secret" });
} catch (error) {
  if (!(error instanceof AuthError)) throw error;
  if (error.code === "mfa_required") await strong.completeLogin(error, { code: "123456" });
  if (error.code === "mfa_enrolment_required") {
    const { qr_svg, secret } = await strong.enrol(error);
    console.log(qr_svg, secret, error.methods?.includes("totp"));
    const { recovery_codes } = await strong.confirmEnrolment(error, { code: "123456" });
    console.log(recovery_codes?.join("\n"));
    await strong.confirmEnrolment(error, { passkey: await strong.enrol(error, { kind: "passkey" }) });
  }
}
const pending = strong.pendingLogin();
if (pending) await strong.completeLogin(pending, { recoveryCode: "AAAA-BBBB-CCCC-DDDD" });
// @ts-expect-error two proofs
if (pending) strong.completeLogin(pending, { code: "123456", passkey: true });
// @ts-expect-error a password completes no login
if (pending) strong.completeLogin(pending, { password: "secret" });
const user: User = await strong.loginWithPasskey();
const chosen: User | null = await strong.loginWithPasskey({ conditional: true });
await strong.reauthenticate("secret");
await strong.reauthenticate({ code: "123456" });
// @ts-expect-error only the client with factors has other proofs
auth.reauthenticate({ code: "123456" });
const factors: Factor[] = (await strong.factors()).factors;
await strong.addPasskey({ kind: "security_key", name: "Blue key" });
// @ts-expect-error an unknown kind
strong.addPasskey({ kind: "sms" });
await strong.confirmTotp((await strong.addTotp("Phone")).id, "123456", { endOtherSessions: false });
export const shown = [user.second_factor, chosen?.roles_withheld?.includes("admin"), ...factors.map(({ kind, synced }) => `${kind} ${synced}`)];
