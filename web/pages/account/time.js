import { language } from "../texts.js";

const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
/** Within this time, "yesterday" says more than a date. */
const RECENT_S = 7 * 86_400;

/** Such as "5 minutes ago", or the date. The exact time is its tooltip. */
export function time(rfc3339) {
  const at = new Date(rfc3339);
  const element = document.createElement("time");
  element.dateTime = rfc3339;
  element.title = absolute.format(at);
  const seconds = Math.max(0, (Date.now() - at) / 1000);
  element.textContent = seconds < RECENT_S ? ago(seconds) : absolute.format(at);
  return element;
}

function ago(seconds) {
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", seconds || 1];
  return relative.format(unit === "second" ? 0 : -Math.floor(seconds / length), unit);
}

/** Parts of a line, separated by dots. Absent ones are skipped. */
export function facts(...parts) {
  const present = parts.filter(Boolean);
  return present.flatMap((part, index) => (index ? [" · ", part] : [part]));
}
