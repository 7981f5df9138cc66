// Checked with tsc --strict: what the types of the client allow, and what they reject.
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
auth.register({ email: "ann@example.org", password: "secret", name: "Ann" });

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
