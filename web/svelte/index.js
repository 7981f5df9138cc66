/** Svelte bindings of the Latchkey client. @module */
export { setAuth, useAuth } from "./context.js";
export { default as Protected } from "./Protected.svelte";
export { default as SignedIn } from "./SignedIn.svelte";
export { default as SignedOut } from "./SignedOut.svelte";
