// Times as people read them.
import { createStore, html, useStore } from "./ui.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const REDRAW_MS = 30_000;

const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const withYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

const clock = createStore({ now: Date.now() });
setInterval(() => document.hidden || clock.set({ now: Date.now() }), REDRAW_MS);

/** "5 min ago", "in 3 h", "12 Mar". */
export function relative(at, now = Date.now()) {
  const date = new Date(at);
  const seconds = Math.round((now - date) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 45) return seconds >= 0 ? "just now" : "in a moment";
  if (distance >= 30 * DAY) return (date.getFullYear() === new Date(now).getFullYear() ? short : withYear).format(date);
  const [unit, name] = distance < 45 * MINUTE ? [MINUTE, "min"] : distance < 22 * HOUR ? [HOUR, "h"] : [DAY, "d"];
  const count = `${Math.max(1, Math.round(distance / unit))} ${name}`;
  return seconds > 0 ? `${count} ago` : `in ${count}`;
}

/** A relative time, with the exact one as its title. */
export function Time({ at, none = "never" }) {
  const { now } = useStore(clock);
  if (!at) return html`<span class="soft">${none}</span>`;
  // The store is older than times that have just arrived.
  const reference = Math.max(now, Math.min(Date.now(), new Date(at).getTime()));
  return html`<time datetime=${at} title=${exact(at)}>${relative(at, reference)}</time>`;
}

export const exact = (at) => full.format(new Date(at));

/** "Fri, 27 Nov" of a date without time. */
export const dayName = (date) => weekday.format(new Date(`${date}T00:00:00Z`));

/** How long something has lasted: "3 d", "5 h". */
export function duration(since) {
  return relative(since, Date.now()).replace(/ ago$/, "").replace("just now", "less than a minute");
}

/** The time this many days ago, as the API takes it. */
export const daysAgo = (days) => new Date(Math.floor(Date.now() / 60_000) * 60_000 - days * DAY * 1000).toISOString();
