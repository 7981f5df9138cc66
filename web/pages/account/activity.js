import { hasText, t } from "../texts.js";
import { auth } from "./client.js";
import { devices, endSession } from "./devices.js";
import { openDialog } from "./dialog.js";
import { requestPasswordChange } from "./password.js";
import { copy, pagedList } from "./paged_list.js";
import { facts, time } from "./time.js";

/** What another person could have done with the password or a stolen session. */
const BY_SOMEONE = new Set([
  "login_succeeded", "reauthenticated", "password_changed", "names_changed", "email_change_requested", "email_changed",
]);
const section = document.getElementById("activity");
const dialog = document.getElementById("not-me");

async function load(cursor) {
  return auth.events({ limit: 10, cursor });
}

function show(event) {
  const { row, description, facts: line, "not-me": notMe } = copy("event-item");
  description.textContent = describe(event);
  line.append(...facts(event.device, event.ip, event.details.by && t("by_administrator"), time(event.at)));
  row.classList.toggle("serious", event.type === "reuse_detected");
  notMe.hidden = !BY_SOMEONE.has(event.type) || Boolean(event.details.by) || devices.isCurrent(event.session_id);
  notMe.setAttribute("aria-label", `${t("not_me")} ${description.textContent}`);
  notMe.addEventListener("click", () => react(event));
  return row;
}

const list = pagedList(section, load, show);

export const activity = {
  start: () => activity.reload(),
  reload: () => list.reload(),
};

/** Types that the page does not know keep the server's name. */
function describe({ type, details }) {
  const keys = [`event_${type}_${details.reason}`, `event_${type}`];
  const key = keys.find(hasText);
  return key ? t(key) : type.replaceAll("_", " ");
}

/** Ends the session of the event, and leads to the password: a new one ends all others. */
async function react(event) {
  const { session_id: id, device, ip, at } = event;
  const part = (name) => dialog.querySelector(`[data-part=${name}]`);
  part("what").replaceChildren(...facts(describe(event), device, ip, time(at)));
  part("how").textContent = t(id ? "not_me_how" : "not_me_how_password");
  const hasReacted = await openDialog(dialog, async () => {
    if (id) await endSession(id);
  });
  if (!hasReacted) return;
  devices.reload();
  requestPasswordChange();
}
