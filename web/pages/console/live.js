// One long poll for new events. It also notices within a second that the administrator lost the role or the session,
// and that the server cannot be reached.
import { ApiError, auth, get } from "./api.js";
import { identify, isAdmin, session } from "./session.js";

const WAIT_S = 25;
/** Longer than the server waits. */
const TIMEOUT_MS = 35_000;
const PAGE = 100;
const RETRY_MS = { first: 500, most: 8_000 };
/** How often a lost role or session is looked for again. A sign-in in another tab is noticed at once. */
const ACCESS_RETRY_MS = 2_000;
const READINESS_MS = 15_000;
/** If the server has no room for another long poll: how often to ask without one, and for how long. */
const POLL_MS = 5_000;
const NO_WAIT_MS = 60_000;
const BUSY = [429, 503];

const listeners = new Set();
let cursor;
let waitAgainAt = 0;
let wake = () => {};
let controller = new AbortController();

/**
 * Calls `listener` with new events, oldest first; with null if events may have been missed: load everything again.
 *
 * @returns a function that removes it
 */
export function onEvents(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const emit = (events) => [...listeners].forEach((listener) => listener(events));

/** Checks now whether session and server are there, after a call that failed. */
export function checkNow() {
  controller.abort();
  wake();
}

/** Ends when the position of the newest event is known, so that views loaded afterwards miss none, or when that failed. */
export async function listen() {
  addEventListener("online", checkNow);
  document.addEventListener("visibilitychange", checkNow);
  for (const type of ["signed-in", "signed-out", "session-ended"]) auth.on(type, checkNow);
  await poll().catch(() => {});
  follow();
  watchReadiness();
}

/** Runs for as long as the page is open. */
async function follow() {
  for (let delay = RETRY_MS.first; ; ) {
    // A hidden tab keeps no connection: browsers allow few to one server.
    while (document.hidden) await pause(READINESS_MS);
    controller = new AbortController();
    try {
      await poll();
      delay = RETRY_MS.first;
    } catch (error) {
      // `checkNow` has ended the request.
      if (!(error instanceof ApiError)) continue;
      const isVerdict = await judge(error);
      await pause(isVerdict ? ACCESS_RETRY_MS : (error.retryAfter ?? 0) * 1000 || delay * (0.75 + Math.random() / 2));
      if (!isVerdict) delay = Math.min(RETRY_MS.most, delay * 2);
    }
  }
}

async function poll() {
  const isFirst = cursor === undefined || session.get().connection === "lost" || session.get().access !== "admin";
  const { signal } = controller;
  if (isFirst) {
    const page = await get("admin/events", { limit: 1 }, { signal });
    cursor ??= page.cursor;
    await restoreAccess();
    emit(null);
    return;
  }
  const mayWait = Date.now() >= waitAgainAt;
  const wait = mayWait ? WAIT_S : undefined;
  let page;
  try {
    page = await get("admin/events", { after: cursor, wait, limit: PAGE }, { signal, timeout: TIMEOUT_MS });
  } catch (error) {
    if (!mayWait || !BUSY.includes(error.status)) throw error;
    waitAgainAt = Date.now() + NO_WAIT_MS;
    return;
  }
  cursor = page.cursor;
  if (page.items.length) emit(page.items);
  if (!mayWait) await pause(POLL_MS);
}

async function restoreAccess() {
  const { user, access } = session.get();
  session.set({ connection: "ok" });
  if (access === "admin") return;
  const now = await identify();
  if (!now || !isAdmin(now)) throw new ApiError(403, { code: "role_required" });
  session.set(now.id === user?.id ? { access: "admin", user: now } : { access: "other", other: now });
  if (now.id !== user?.id) await pause(ACCESS_RETRY_MS);
}

/** @returns whether the server has decided that the session or the role is gone */
async function judge(error) {
  if (error.status === 401) session.set({ access: "signed-out", connection: "ok" });
  else if (error.code === "role_required") session.set({ access: "lost", connection: "ok" });
  // The cursor is unknown: the database was restored.
  else if (error.status === 422 || error.status === 400) cursor = undefined;
  else if (error.status !== 429) session.set({ connection: "lost" });
  return error.status === 401 || error.code === "role_required";
}

function pause(ms) {
  return new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, ms);
  });
}

async function watchReadiness() {
  for (;;) {
    if (!document.hidden && session.get().access === "admin") await readReadiness();
    await new Promise((resolve) => setTimeout(resolve, READINESS_MS));
  }
}

/** The servers that reject requests, and why. A proxy may have no route to `/readyz`. */
async function readReadiness() {
  try {
    const { items } = await get("admin/servers", {}, { timeout: 5_000 });
    const failing = ({ parts }) => Object.keys(parts).filter((part) => !parts[part].ok).map((part) => part.replaceAll("_", " "));
    const notReady = items.filter(({ status }) => status === "not_ready");
    session.set({ readiness: notReady.map((server) => `${server.host}: ${failing(server).join(", ")}`).join("; ") || null });
  } catch {
    // The long poll notices a lost role, session or connection.
  }
}
