import { clearComplaints, busy, element, explain, say, sayGoodbye, submitted } from "./messages.js";
import { confirmed } from "./confirmation.js";
import { ago, line, tell } from "./events.js";
import { auth } from "./servers.js";

/** Events that are shown at a time. */
const PAGE = 8;

const card = element("account");
const parts = [...card.querySelectorAll("details")];
const [sessions, events] = [element("session-list"), element("event-list")];
/** Where the next events begin; nothing where there are no more. */
let cursor;
/** Whose account is shown. */
let whose;

onOpen(element("sessions"), listSessions);
onOpen(element("events"), async () => {
  cursor = undefined;
  events.replaceChildren();
  await listMoreEvents();
});
element("more-events").addEventListener("click", ({ target }) => busy(target, listMoreEvents));
element("password-form").addEventListener("submit", changePassword);
element("deletion-form").addEventListener("submit", deleteAccount);
auth.onChange(show);
show();

function show() {
  card.hidden = !auth.isLoggedIn();
  const user = auth.user();
  // After a reload nobody knows at first who it is.
  if (user?.id === whose || (auth.isLoggedIn() && !user)) return;
  if (whose) clear();
  whose = user?.id;
  if (user) element("password-form").elements.email.value = user.email;
}

function clear() {
  for (const part of parts) part.open = false;
  for (const list of [sessions, events]) list.replaceChildren();
  for (const form of card.querySelectorAll("form")) {
    form.reset();
    clearComplaints(form);
  }
}

function onOpen(part, list) {
  part.addEventListener("toggle", async () => {
    if (!part.open) return;
    try {
      await list();
    } catch (error) {
      say(explain(error), true);
    }
  });
}

async function listSessions() {
  const all = await auth.sessions();
  sessions.replaceChildren(...all.map(sessionItem));
}

function sessionItem(session) {
  const { item, part } = fromTemplate("session-item");
  const device = session.device ?? "Unknown device";
  const used = `Last used ${ago(session.last_used_at)}`;
  part("device").textContent = device;
  if (!session.current) part("current").remove();
  part("facts").textContent = line(used, session.ip);
  part("end").ariaLabel = line(`Log out ${device}`, used, session.ip);
  part("end").addEventListener("click", ({ target }) => busy(target, () => end(session, device)));
  return item;
}

async function end({ id, current }, device) {
  try {
    await auth.endSession(id);
  } catch (error) {
    // Somebody was faster. It is over, which is what was wanted.
    if (error.code !== "not_found") throw error;
  }
  if (current) return sayGoodbye("Logged out.");
  say(`Logged out: ${device}. At its next renewal it will notice.`);
  await listSessions();
  element("sessions").querySelector("summary").focus();
}

async function listMoreEvents() {
  const page = await auth.events({ limit: PAGE, cursor });
  cursor = page.next_cursor;
  element("more-events").hidden = !cursor;
  events.append(...page.items.map(eventItem));
}

function eventItem(event) {
  const { item, part } = fromTemplate("event-item");
  part("what").textContent = tell(event);
  part("facts").textContent = line(ago(event.at), event.device, event.ip);
  return item;
}

async function changePassword(event) {
  let others;
  const done = await submitted(event, (fields) => {
    others = fields.end_other_sessions.checked;
    return auth.changePassword(fields.current_password.value, fields.new_password.value, { endOtherSessions: others });
  });
  if (!done) return;
  element("password").open = false;
  element("password").querySelector("summary").focus();
  say(`The password is changed.${others ? " Whoever else was logged in has to log in again." : ""}`);
}

async function deleteAccount(event) {
  if (await submitted(event, deleted)) sayGoodbye("The account is deleted, and all that belonged to it.");
}

/** Whether it was. Who does not give the password keeps the account. */
async function deleted() {
  try {
    await auth.deleteAccount();
  } catch (error) {
    if (error.code !== "fresh_login_required") throw error;
    if (!(await confirmed())) return false;
    await auth.deleteAccount();
  }
  return true;
}

/** A copy of a template, and its parts by name. */
function fromTemplate(id) {
  const item = element(id).content.firstElementChild.cloneNode(true);
  return { item, part: (name) => item.querySelector(`[data-part=${name}]`) };
}
