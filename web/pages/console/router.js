// Routes in the fragment of the URL, so that they never collide with the API: #/users/ID?q=ann
import { createStore, useStore } from "./ui.js";

const VIEWS = ["overview", "users", "invitations", "sessions", "events", "keys", "mail", "health"];

const route = createStore(parse(location.hash));
/** Asked before a route is left; returns false to stay. */
let guard = null;
let shown = location.hash;

export const useRoute = () => useStore(route);

/** @param {string} view @param {string} [id] @param {object} [query] members that are empty are omitted */
export function href(view, id, query = {}) {
  const set = Object.entries(query).flatMap(([name, value]) => [value].flat().filter(Boolean).map((one) => [name, one]));
  const search = new URLSearchParams(set).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${search && `?${search}`}`;
}

/** Shows another route. With `replace`, the browser's back button skips the present one. */
export function navigate(target, { replace = false } = {}) {
  if (target === location.hash) return;
  if (replace) {
    history.replaceState(null, "", target);
    update();
  } else {
    location.hash = target;
  }
}

/** Replaces members of the query of this route. */
export function setQuery(changes) {
  const { view, id, query } = route.get();
  navigate(href(view, id, { ...query, ...changes }), { replace: true });
}

/** @param {(() => Promise<boolean>) | null} ask  whether the route may be left */
export function guardRoute(ask) {
  guard = ask;
}

function parse(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view = "", id] = path.split("/");
  const query = {};
  for (const [name, value] of new URLSearchParams(search)) {
    query[name] = name in query ? [query[name], value].flat() : value;
  }
  return { view: view === "" ? "overview" : VIEWS.includes(view) ? view : "unknown", id: id && decodeURIComponent(id), query };
}

function update() {
  shown = location.hash;
  route.set(parse(shown));
}

addEventListener("hashchange", async () => {
  const target = location.hash;
  if (target === shown) return;
  const next = parse(target);
  const now = route.get();
  if (guard && (next.view !== now.view || next.id !== now.id)) {
    history.replaceState(null, "", shown);
    if (!(await guard())) return;
    guard = null;
    history.replaceState(null, "", target);
  }
  update();
});
