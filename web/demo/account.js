import { clearErrors, element, errorText, runAction, showMessage, showSignedOut, submitForm } from "./messages.js";
import { confirmPassword } from "./confirmation.js";
import { describeEvent, joinFacts, timeAgo } from "./events.js";
import { auth } from "./servers.js";

const EVENTS_PER_PAGE = 8;

const card = element("account");
const sections = [...card.querySelectorAll("details")];
const [sessionList, eventList] = [element("session-list"), element("event-list")];
/** Cursor of the next page of events; undefined after the last page. */
let cursor;
/** Id of the user whose account is shown. */
let userId;

onOpen(element("sessions"), listSessions);
onOpen(element("events"), async () => {
  cursor = undefined;
  eventList.replaceChildren();
  await listMoreEvents();
});
element("more-events").addEventListener("click", ({ target }) => runAction(target, listMoreEvents));
element("password-form").addEventListener("submit", changePassword);
element("deletion-form").addEventListener("submit", deleteAccount);
auth.onChange(show);
show();

function show() {
  card.hidden = !auth.isLoggedIn();
  const user = auth.user();
  // After a reload the user is unknown until the first refresh.
  if (user?.id === userId || (auth.isLoggedIn() && !user)) return;
  if (userId) clear();
  userId = user?.id;
  if (user) element("password-form").elements.email.value = user.email;
}

function clear() {
  for (const section of sections) section.open = false;
  for (const list of [sessionList, eventList]) list.replaceChildren();
  for (const form of card.querySelectorAll("form")) {
    form.reset();
    clearErrors(form);
  }
}

function onOpen(section, load) {
  section.addEventListener("toggle", async () => {
    if (!section.open) return;
    try {
      await load();
    } catch (error) {
      showMessage(errorText(error), true);
    }
  });
}

async function listSessions() {
  const all = await auth.sessions();
  sessionList.replaceChildren(...all.map(sessionItem));
}

function sessionItem(session) {
  const { item, part } = fromTemplate("session-item");
  const device = session.device ?? "Unknown device";
  const used = `Last used ${timeAgo(session.last_used_at)}`;
  part("device").textContent = device;
  if (!session.current) part("current").remove();
  part("facts").textContent = joinFacts(used, session.ip);
  part("end").ariaLabel = joinFacts(`End session ${device}`, used, session.ip);
  part("end").addEventListener("click", ({ target }) => runAction(target, () => endSession(session, device)));
  return item;
}

async function endSession({ id, current }, device) {
  try {
    await auth.endSession(id);
  } catch (error) {
    // It has ended already.
    if (error.code !== "not_found") throw error;
  }
  if (current) return showSignedOut("Signed out.");
  showMessage(`Session ended: ${device}. That browser is signed out when it next renews its token.`);
  await listSessions();
  element("sessions").querySelector("summary").focus();
}

async function listMoreEvents() {
  const page = await auth.events({ limit: EVENTS_PER_PAGE, cursor });
  cursor = page.next_cursor;
  element("more-events").hidden = !cursor;
  eventList.append(...page.items.map(eventItem));
}

function eventItem(event) {
  const { item, part } = fromTemplate("event-item");
  part("description").textContent = describeEvent(event);
  part("facts").textContent = joinFacts(timeAgo(event.at), event.device, event.ip);
  return item;
}

async function changePassword(event) {
  let endOtherSessions;
  const succeeded = await submitForm(event, ({ current_password, new_password, end_other_sessions }) => {
    endOtherSessions = end_other_sessions.checked;
    return auth.changePassword(current_password.value, new_password.value, { endOtherSessions });
  });
  if (!succeeded) return;
  element("password").open = false;
  element("password").querySelector("summary").focus();
  showMessage(`Password changed.${endOtherSessions ? " All other sessions have ended." : ""}`);
}

async function deleteAccount(event) {
  if (await submitForm(event, deleteConfirmed)) showSignedOut("Account deleted.");
}

/** @returns {Promise<boolean>} false if the user cancelled the password dialog */
async function deleteConfirmed() {
  try {
    await auth.deleteAccount();
  } catch (error) {
    if (error.code !== "fresh_login_required") throw error;
    if (!(await confirmPassword())) return false;
    await auth.deleteAccount();
  }
  return true;
}

/** Clones a template. `part(name)` returns the element with that `data-part`. */
function fromTemplate(id) {
  const item = element(id).content.firstElementChild.cloneNode(true);
  return { item, part: (name) => item.querySelector(`[data-part=${name}]`) };
}
