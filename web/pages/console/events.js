// The audit log of all users, live.
import { url } from "./api.js";
import { TextChip } from "./chips.js";
import { EVENT_TYPES, EventDetails, EventTitle, eventTitle } from "./event_texts.js";
import { List, usePages } from "./list.js";
import { onEvents } from "./live.js";
import { Person } from "./people.js";
import { setQuery } from "./router.js";
import { daysAgo, Time } from "./time.js";
import { classes, html, useEffect, useMemo, useRef, useState } from "./ui.js";
import { Head } from "./view.js";

const SINCE = { "": "Any time", 1: "24 hours", 7: "7 days", 30: "30 days" };

const COLUMNS = [
  { name: "event", title: "Event", cell: (event) => html`<${EventTitle} event=${event} />` },
  { name: "who", title: "User", cell: (event) => html`<${Person} id=${event.user_id} known=${event.user} />` },
  { name: "details", title: "Details", cell: (event) => html`<${EventDetails} event=${event} />` },
  { name: "from", title: "From", cell: ({ ip, device }) => html`<span class="two-lines"><span class="mono">${ip}</span><span class="soft">${device}</span></span>` },
  { name: "at", title: "Time", cell: ({ at }) => html`<${Time} at=${at} />` },
];

/** Two events can have the same time. */
const eventId = (event) => event.id ?? `${event.at}${event.type}${event.user_id}${event.session_id}`;

export function Events({ route: { query } }) {
  const { user, session, ip, since } = query;
  const types = useMemo(() => [query.type ?? []].flat(), [query.type]);
  const filters = useMemo(() => ({ type: types, user, session, ip, since: since && daysAgo(Number(since)) }), [types, user, session, ip, since]);
  const list = usePages("admin/events", filters);
  const [isPaused, setPaused] = useState(false);
  const held = useRef([]);
  const [waiting, setWaiting] = useState(0);
  const [announced, setAnnounced] = useState("");

  useEffect(() => {
    held.current = [];
    setWaiting(0);
    const matches = (event) =>
      (!types.length || types.includes(event.type)) && (!user || event.user_id === user) && (!session || event.session_id === session) && (!ip || event.ip === ip);
    return onEvents((events) => {
      if (!events) return list.reload();
      const added = events.filter(matches).reverse();
      if (!added.length) return;
      if (isPaused) {
        held.current = [...added, ...held.current];
        setWaiting(held.current.length);
      } else {
        list.prepend(added);
        setAnnounced(added.length === 1 ? eventTitle(added[0].type) : `${added.length} new events`);
      }
    });
  }, [filters, isPaused]);
  const toggle = () => {
    if (isPaused && held.current.length) list.prepend(held.current);
    setPaused(!isPaused);
  };
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Events" note=${isPaused ? `paused${waiting ? ` · ${waiting} new` : ""}` : html`<span class="live"><span class="dot good" aria-hidden="true"></span>live</span>`}>
        <button class="quiet" aria-pressed=${isPaused} onClick=${toggle}>${isPaused ? "Resume" : "Pause"}</button>
        <a class="button quiet" href=${url("admin/events.csv", filters)} download="events.csv">CSV</a>
      <//>
      <div class="filters" role="search">
        ${types.map((type) => html`
          <span class="chip on" key=${type}>
            <span>${eventTitle(type)}</span>
            <button class="chip-clear" aria-label="Remove the filter ${eventTitle(type)}" onClick=${() => setQuery({ type: types.filter((one) => one !== type) })}>✕</button>
          </span>
        `)}
        <label class="chip">
          <span>Type</span>
          <select aria-label="Type" value="" onChange=${({ target }) => setQuery({ type: [...new Set([...types, target.value])] })}>
            <option value="">${types.length ? "Add" : "Any"}</option>
            ${Object.entries(EVENT_TYPES).filter(([type]) => !types.includes(type)).map(([type, title]) => html`<option value=${type}>${title}</option>`)}
          </select>
        </label>
        <label class=${classes("chip", since && "on")}>
          <span>Since</span>
          <select aria-label="Since" value=${since ?? ""} onChange=${({ target }) => setQuery({ since: target.value })}>
            ${Object.entries(SINCE).map(([days, label]) => html`<option value=${days} selected=${days === (since ?? "")}>${label}</option>`)}
          </select>
        </label>
        <${TextChip} label="IP address" value=${ip} placeholder="Any" onChange=${(value) => setQuery({ ip: value })} />
        <${TextChip} label="User id" value=${user} placeholder="Any" onChange=${(value) => setQuery({ user: value })} />
        ${session && html`<${TextChip} label="Session" value=${session} onChange=${(value) => setQuery({ session: value })} />`}
      </div>
      <p class="hidden-text" role="status">${announced}</p>
      <${List} label="Events" kind="events" list=${list} columns=${COLUMNS} id=${eventId} empty=${html`<p><strong>No events</strong></p><p>New ones appear here by themselves.</p>`} />
    </section>
  `;
}
