import { AuthError, type User } from "@latchkey/client";
import { Protected, SignedOut, useAuth } from "@latchkey/react";
import { type FormEvent, useState } from "react";
import { apiUrl } from "./auth";

export function App() {
  const { status } = useAuth();
  return (
    <>
      <h1>Latchkey and React</h1>
      {status === "offline" && <p role="status">The auth server is unreachable. You stay signed in.</p>}
      <SignedOut>{(reason) => <SignIn message={reason && `Your session has ended (${reason}).`} />}</SignedOut>
      <Protected loading={<p>Loading…</p>}>{(user) => <Account user={user} />}</Protected>
    </>
  );
}

function SignIn({ message }: { message?: string }) {
  const { auth } = useAuth();
  const [error, setError] = useState(message);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const [email, password] = [String(fields.get("email")), String(fields.get("password"))];
    const button = (event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement;
    try {
      const result = await (button.value === "register" ? auth.register({ email, password }) : auth.login({ email, password }));
      if ("continuation" in result) setError("Open the link in the mail that was sent to you, then sign in.");
    } catch (failure) {
      if (!(failure instanceof AuthError)) throw failure;
      setError(Object.entries(failure.fields ?? {}).map((field) => field.join(" ")).join(", ") || failure.message);
    }
  }

  return (
    <form onSubmit={submit}>
      <label>
        E-mail <input name="email" type="email" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <p role="alert">{error}</p>
      <button value="login">Sign in</button>
      <button value="register">Create account</button>
    </form>
  );
}

function Account({ user }: { user: User }) {
  const { auth } = useAuth();
  const [output, setOutput] = useState("");

  async function run(action: () => Promise<string>) {
    try {
      setOutput(await action());
    } catch (failure) {
      setOutput(String(failure));
    }
  }

  async function callApi() {
    const response = await auth.authFetch(`${apiUrl}/protected`);
    const content = await response.json();
    return content.message ?? content.detail;
  }

  return (
    <>
      <p>Signed in as {user.name ?? user.email}</p>
      <Protected role="admin" forbidden={<p>You are not an administrator.</p>}>
        <p>You are an administrator.</p>
      </Protected>
      <button onClick={() => run(callApi)}>Call the API</button>
      <button onClick={() => run(() => auth.logout().then(() => ""))}>Sign out</button>
      <p>
        <output>{output}</output>
      </p>
    </>
  );
}
