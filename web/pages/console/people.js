// The addresses of users that events name by their ids.
import { get } from "./api.js";
import { href } from "./router.js";
import { createStore, html, useEffect, useStore } from "./ui.js";

const MOST_AT_ONCE = 4;

/** By id: the user, or null if there is none. Absent until they are loaded. */
const people = createStore({});
const waiting = new Set();
let running = 0;

/** Remembers users that another call has returned. */
export const remember = (...users) => people.set(Object.fromEntries(users.map((user) => [user.id, user])));

function request(id) {
  if (id in people.get() || waiting.has(id)) return;
  waiting.add(id);
  if (running < MOST_AT_ONCE) loadWaiting();
}

async function loadWaiting() {
  running += 1;
  for (const id of waiting) {
    waiting.delete(id);
    // A search, because it finds no user without an error.
    const found = await get("admin/users", { q: id, limit: 1 }).catch(() => null);
    if (found) people.set({ [id]: found.items[0] ?? null });
  }
  running -= 1;
}

/** The user's address, with a link to the user. */
export function Person({ id, known }) {
  const loaded = useStore(people)[id];
  const user = known ?? loaded;
  useEffect(() => {
    if (id && !known) request(id);
  }, [id]);
  if (!id) return html`<span class="soft">–</span>`;
  if (user === null) return html`<span class="soft" title=${id}>deleted user</span>`;
  return html`<a class="person" href=${href("users", id)} title=${user?.email}><bdi>${user?.email ?? `${id.slice(0, 8)}…`}</bdi></a>`;
}

/** Two letters in a circle. */
export function Avatar({ user }) {
  const words = (user.name || user.username || user.email).trim().split(/[\s._@-]+/u);
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "").join("");
  return html`<span class="avatar" aria-hidden="true">${letters.toUpperCase()}</span>`;
}
