/** Vue bindings of the Latchkey client. @module */
import { computed, Fragment, getCurrentInstance, h, inject, onBeforeUnmount, onMounted, shallowRef } from "vue";

const KEY = Symbol("latchkey");

/** What a server renders, and the first render in the browser: both must be the same. */
const LOADING = { status: "loading", user: null };

export const createAuth = (client) => ({ install: (app) => app.provide(KEY, client) });

export function useAuth() {
  const auth = inject(KEY, null);
  if (!auth) throw new Error("useAuth requires app.use(createAuth(client))");
  // Only a component that hydrates has an element before it is mounted.
  const state = shallowRef(getCurrentInstance().vnode.el ? LOADING : auth.state);
  const update = () => (state.value = auth.state);
  let stop;
  onMounted(() => {
    stop = auth.subscribe(update);
    update();
  });
  onBeforeUnmount(() => stop?.());
  const part = (name) => computed(() => state.value[name]);
  return { status: part("status"), user: part("user"), reason: part("reason"), auth };
}

export const Protected = {
  props: { role: String },
  setup(props, { slots }) {
    const { status, user, reason, auth } = useAuth();
    return () => {
      if (status.value === "signed-out") return slots.fallback?.({ reason: reason.value });
      if (!user.value) return slots.loading?.();
      if (props.role && !auth.hasRole(props.role)) return slots.forbidden?.();
      // The key gives another user new components: their state may contain data of the former one.
      return h(Fragment, { key: user.value.id }, slots.default?.({ user: user.value }));
    };
  },
};

export const SignedIn = (_, { slots }) => h(Protected, null, { default: slots.default });

export const SignedOut = (_, { slots }) => h(Protected, null, { fallback: slots.default });
