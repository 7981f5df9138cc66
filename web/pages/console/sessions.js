// The active sessions of all users.
import { change } from "./api.js";
import { TextChip } from "./chips.js";
import { Button, Problem, useAction } from "./forms.js";
import { List, usePages } from "./list.js";
import { Person } from "./people.js";
import { setQuery } from "./router.js";
import { Time } from "./time.js";
import { toast } from "./toast.js";
import { html, useMemo } from "./ui.js";
import { Head } from "./view.js";

export function Sessions({ route: { query } }) {
  const { ip } = query;
  const filters = useMemo(() => ({ ip }), [ip]);
  const list = usePages("admin/sessions", filters);
  const end = useAction(async (session) => {
    await change("DELETE", `admin/users/${session.user.id}/sessions/${session.id}`);
    list.replace(session.id, null);
    toast(`The session of ${session.user.email} has ended.`);
  });
  const columns = useMemo(() => [
    { name: "user", title: "User", cell: ({ user }) => html`<span class="two-lines"><span class="strong"><${Person} id=${user.id} known=${user} /></span><bdi class="soft">${user.name ?? user.username}</bdi></span>` },
    { name: "device", title: "Device", cell: ({ device, user_agent: agent, current }) => html`<span title=${agent}>${device ?? html`<span class="soft">unknown</span>`} ${current && html`<span class="badge good">This one</span>`}</span>` },
    { name: "ip", title: "IP address", cell: ({ ip: address }) => address && html`<button class="filter-by mono" title="Show sessions from ${address}" onClick=${() => setQuery({ ip: address })}>${address}</button>` },
    { name: "seen", title: "Signed in", cell: ({ created_at: at }) => html`<${Time} at=${at} />` },
    { name: "created", title: "Last used", cell: ({ last_used_at: at }) => html`<${Time} at=${at} />` },
    { name: "buttons", title: "Actions", cell: (session) => html`<${Button} kind="small quiet" aria-label="End the session of ${session.user.email}" onClick=${() => end.act(session)}>End<//>` },
  ], []);
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Sessions" note="active, the latest sign-in first">
        <button class="quiet" onClick=${list.reload}>Refresh</button>
      <//>
      <div class="filters" role="search">
        <${TextChip} label="IP address" value=${ip} placeholder="Any" onChange=${(value) => setQuery({ ip: value })} />
      </div>
      <${Problem} action=${end} />
      <${List} label="Active sessions" kind="sessions" list=${list} columns=${columns} empty=${html`<p><strong>${ip ? "No session from this IP address" : "No active sessions"}</strong></p>`} />
    </section>
  `;
}
