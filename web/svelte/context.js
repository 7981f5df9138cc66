import { getContext, setContext } from "svelte";
import { readable } from "svelte/store";

const KEY = Symbol("latchkey");

export function setAuth(auth) {
  const session = readable(auth.state, (set) => {
    set(auth.state);
    return auth.subscribe(set);
  });
  return setContext(KEY, { session, auth });
}

export function useAuth() {
  const context = getContext(KEY);
  if (!context) throw new Error("useAuth requires setAuth(client) in a parent component");
  return context;
}
