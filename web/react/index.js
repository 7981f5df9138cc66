"use client";
/** React bindings of the Latchkey client. @module */
import { createContext, createElement, Fragment, useContext, useMemo, useSyncExternalStore } from "react";

const AuthContext = createContext(null);

/** What a server renders, and the first render in the browser: both must be the same. */
const LOADING = { status: "loading", user: null };
const initialState = () => LOADING;

export function AuthProvider({ client, children }) {
  return createElement(AuthContext.Provider, { value: client }, children);
}

export function useAuth() {
  const auth = useContext(AuthContext);
  if (!auth) throw new Error("useAuth requires <AuthProvider client={…}> around the component");
  const state = useSyncExternalStore(auth.subscribe, () => auth.state, initialState);
  return useMemo(() => ({ ...state, auth }), [state, auth]);
}

export const SignedIn = ({ children }) => Protected({ children });

export function SignedOut({ children }) {
  const { status, reason } = useAuth();
  return status === "signed-out" ? resolve(children, reason) : null;
}

export function Protected({ role, children, fallback = null, forbidden = null, loading = null }) {
  const { status, user, reason, auth } = useAuth();
  if (status === "signed-out") return resolve(fallback, reason);
  if (!user) return loading;
  if (role && !auth.hasRole(role)) return forbidden;
  // The key gives another user new components: their state may contain data of the former one.
  return createElement(Fragment, { key: user.id }, resolve(children, user));
}

const resolve = (content, argument) => (typeof content === "function" ? content(argument) : content);
