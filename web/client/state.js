/** The state that user interfaces show, and the events. */
export function createState() {
  let state = Object.freeze({ status: "loading", user: null });
  const listeners = new EventTarget();

  /** Calls `listener` at each event of this type. @returns a function that removes it */
  function on(type, listener) {
    const handler = ({ detail }) => listener(detail);
    listeners.addEventListener(type, handler);
    return () => listeners.removeEventListener(type, handler);
  }

  function emit(type, reason) {
    listeners.dispatchEvent(new CustomEvent(type, { detail: { type, user: state.user, reason } }));
  }

  /** Replaces the state, and the user in it, only by a different one. */
  function show(status, user = null, reason) {
    const text = JSON.stringify({ status, user, reason });
    if (text === JSON.stringify(state)) return;
    const isSameUser = JSON.stringify(user) === JSON.stringify(state.user);
    state = JSON.parse(text, (key, value) => (key === "user" && isSameUser ? state.user : Object.freeze(value)));
    emit("change");
  }

  return [() => state, on, emit, show];
}
