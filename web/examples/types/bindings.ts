// Checked with tsc --strict: the types of the bindings for Vue and Svelte. The example in React is checked as a whole.
import { createAuthClient, type User } from "@latchkey/client";
import { type FactorsClient, withFactors } from "@latchkey/client/factors";
import { setAuth, useAuth as useSvelteAuth } from "@latchkey/svelte";
import { createAuth, Protected, SignedIn, SignedOut, useAuth } from "@latchkey/vue";
import { createApp, h } from "vue";

const auth = createAuthClient();
createApp({}).use(createAuth(auth));
// @ts-expect-error no client
createAuth();

export function setup() {
  const { status, user, reason } = useAuth();
  const email: string | undefined = user.value?.email;
  return [status.value === "signed-in", email, reason.value];
}

export const content = [h(SignedIn), h(SignedOut), h(Protected, { role: "admin" })];
// @ts-expect-error the role is a string
export const props: InstanceType<typeof Protected>["$props"] = { role: 1 };

setAuth(auth).session.subscribe(({ user }: { user: User | null }) => console.log(user?.name));
export const hasRole: boolean = useSvelteAuth().auth.hasRole("admin");

const strong = setAuth(withFactors(auth));
strong.auth.pendingLogin();
useAuth<FactorsClient>().auth.factors();
useSvelteAuth<FactorsClient>().auth.factors();
// @ts-expect-error only the client with factors has them
useAuth().auth.factors();
