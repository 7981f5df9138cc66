// Sessions and events of one user.
import { change } from "./api.js";
import { confirm } from "./dialog.js";
import { EventDetails, EventTitle } from "./event_texts.js";
import { Button, Problem, useAction } from "./forms.js";
import { usePages } from "./list.js";
import { onEvents } from "./live.js";
import { href } from "./router.js";
import { Time } from "./time.js";
import { toast } from "./toast.js";
import { html, useEffect, useMemo } from "./ui.js";
import { LoadError } from "./view.js";

/** Loads again when something happens to the user. */
function useUserPages(path, query, id) {
  const list = usePages(path, query);
  useEffect(() => onEvents((events) => events?.some((event) => event.user_id === id) && list.reload()), [id]);
  return list;
}

export function UserSessions({ user }) {
  const path = `admin/users/${user.id}/sessions`;
  const list = useUserPages(path, {}, user.id);
  const sessions = list.pages.flat();
  const end = useAction(async (session) => {
    await change("DELETE", `${path}/${session.id}`);
    list.replace(session.id, null);
    toast(`The session on ${session.device ?? "this device"} has ended.`);
  });
  const endAll = useAction(async () => {
    const isSure = await confirm({
      title: "End all sessions?",
      text: `${user.email} is signed out on all devices, and must sign in again.`,
      action: "End all sessions",
      isDanger: true,
    });
    if (!isSure) return;
    await change("DELETE", path);
    list.reload();
    toast(`All sessions of ${user.email} have ended.`);
  });
  return html`
    <section class="panel-section" aria-labelledby="sessions-of-user">
      <div class="section-head">
        <h3 id="sessions-of-user">Sessions</h3>
        ${sessions.length > 0 && html`<${Button} kind="small quiet" busy=${endAll.busy} onClick=${endAll.act}>End all<//>`}
      </div>
      <${Problem} action=${end.error ? end : endAll} />
      <ul class="rows" aria-label="Sessions">
        ${sessions.map((session) => html`
          <li key=${session.id}>
            <span class="two-lines">
              <span class="strong">${session.device ?? "Unknown device"} ${session.current && html`<span class="badge good">This one</span>`}</span>
              <span class="soft">${session.ip ?? "unknown IP address"} · signed in <${Time} at=${session.created_at} /> · used <${Time} at=${session.last_used_at} /></span>
            </span>
            <${Button} kind="small quiet" aria-label="End the session on ${session.device ?? "the unknown device"}" onClick=${() => end.act(session)}>End<//>
          </li>
        `)}
      </ul>
      <${Rest} list=${list} none="Not signed in anywhere." />
    </section>
  `;
}

export function UserEvents({ user }) {
  const query = useMemo(() => ({ user: user.id }), [user.id]);
  const list = useUserPages("admin/events", query, user.id);
  return html`
    <section class="panel-section" aria-labelledby="events-of-user">
      <div class="section-head">
        <h3 id="events-of-user">Events</h3>
        <a class="small" href=${href("events", "", { user: user.id })}>All events</a>
      </div>
      <ul class="rows" aria-label="Events">
        ${list.pages.flat().slice(0, 10).map((event) => html`
          <li>
            <span class="two-lines">
              <${EventTitle} event=${event} />
              <span class="soft">${event.ip ?? ""} ${event.device && `· ${event.device}`} <${EventDetails} event=${event} /></span>
            </span>
            <span class="soft"><${Time} at=${event.at} /></span>
          </li>
        `)}
      </ul>
      <${Rest} list=${{ ...list, next: null }} none="Nothing has happened yet." />
    </section>
  `;
}

/** What follows the rows of a short list. */
function Rest({ list, none }) {
  if (list.status === "error") return html`<${LoadError} error=${list.error} again=${list.again} />`;
  if (list.status === "loading" && !list.pages.length) return html`<p class="hint">Loading …</p>`;
  if (!list.pages.flat().length) return html`<p class="hint">${none}</p>`;
  return list.next && html`<button class="small quiet" onClick=${list.loadMore}>Show more</button>`;
}
