import { withFreshLogin } from "./confirmation.js";
import { describeEvent, joinFacts, timeAgo } from "./events.js";
import { clearErrors, submitForm } from "./forms.js";
import { element, errorText, runAction, showMessage } from "./messages.js";
import { auth } from "./servers.js";
import { showSignedOut } from "./sign_in.js";

const ITEMS_PER_PAGE = 8;

const card = element("account");
const sections = [...card.querySelectorAll("details")];
const showSessions = pagedList("session", sessionItem, async (options) => {
  const { sessions, next_cursor } = await auth.sessions(options);
  return { items: sessions, next_cursor };
});
pagedList("event", eventItem, auth.events);
/** Id of the user whose account is shown. */
let userId;

element("password-form").addEventListener("submit", changePassword);
element("deletion-form").addEventListener("submit", deleteAccount);
auth.subscribe(show);
show(auth.state);

function show({ status, user }) {
  card.hidden = status === "signed-out";
  // After a reload the user is unknown until the first refresh.
  if (user?.id === userId || (!card.hidden && !user)) return;
  if (userId) clear();
  userId = user?.id;
  if (user) element("password-form").elements.email.value = user.email;
}

function clear() {
  for (const section of sections) section.open = false;
  for (const list of card.querySelectorAll(".list, .state")) list.replaceChildren();
  for (const form of card.querySelectorAll("form")) {
    form.reset();
    clearErrors(form);
  }
}

/**
 * Fills a list when its section is opened, and adds a page at each click on "Show more".
 *
 * @param load  receives `{ limit, cursor }` and returns `{ items, next_cursor }`
 * @returns a function that shows the first page again
 */
function pagedList(name, createItem, load) {
  const [section, list, more] = [`${name}s`, `${name}-list`, `more-${name}s`].map(element);
  const state = section.querySelector(".state");
  /** Cursor of the next page; undefined after the last page. */
  let cursor;

  function showState(text, isError = false) {
    state.textContent = text;
    state.classList.toggle("bad", isError);
  }

  async function showPage({ isFirst }) {
    const { items, next_cursor } = await load({ limit: ITEMS_PER_PAGE, cursor: isFirst ? undefined : cursor });
    cursor = next_cursor;
    more.hidden = !cursor;
    if (isFirst) list.replaceChildren();
    list.append(...items.map(createItem));
    showState(list.children.length === 0 ? "Nothing yet." : "");
  }

  const showFirstPage = () => showPage({ isFirst: true });
  section.addEventListener("toggle", async () => {
    if (!section.open) return;
    if (list.children.length === 0) showState("Loading…");
    try {
      await showFirstPage();
    } catch (error) {
      showState(errorText(error), true);
    }
  });
  more.addEventListener("click", () => runAction(more, () => showPage({ isFirst: false })));
  return showFirstPage;
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
    if (!(await withFreshLogin(() => auth.endSession(id)))) return;
  } catch (error) {
    // It has ended already.
    if (error.code !== "not_found") throw error;
  }
  if (current) return showSignedOut("Signed out.");
  showMessage(`Session ended: ${device}. That browser is signed out when it next renews its token.`);
  await showSessions();
  element("sessions").querySelector("summary").focus();
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
  if (await submitForm(event, () => withFreshLogin(auth.deleteAccount))) showSignedOut("Account deleted.");
}

/** Clones a template. `part(name)` returns the element with that `data-part`. */
function fromTemplate(id) {
  const item = element(id).content.firstElementChild.cloneNode(true);
  return { item, part: (name) => item.querySelector(`[data-part=${name}]`) };
}
