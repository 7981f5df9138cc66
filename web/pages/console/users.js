// The list of users with its filters, and beside it the panel of one user.
import { ChoiceChip, RoleBadges, Status, TextChip } from "./chips.js";
import { openDialog } from "./dialog.js";
import { Button } from "./forms.js";
import { count, List, usePages } from "./list.js";
import { NewUserDialog } from "./new_user.js";
import { Avatar, remember } from "./people.js";
import { href, setQuery } from "./router.js";
import { SearchField } from "./search.js";
import { daysAgo, Time } from "./time.js";
import { html, useEffect, useMemo } from "./ui.js";
import { UserPanel } from "./user_panel.js";
import { Head } from "./view.js";

const STATUS = { "": "Any", active: "Active", unverified: "Unverified", disabled: "Disabled" };
const SORT = { "": "E-mail", "-created_at": "Newest first", "-last_login_at": "Last sign-in" };
/** Choices of the last sign-in, with their members of the query. */
const SEEN = {
  "": ["Any time"],
  today: ["Last 24 hours", () => ({ last_login_after: daysAgo(1) })],
  week: ["Last 7 days", () => ({ last_login_after: daysAgo(7) })],
  month: ["Last 30 days", () => ({ last_login_after: daysAgo(30) })],
  not30: ["Not for 30 days", () => ({ last_login_before: daysAgo(30) })],
  not90: ["Not for 90 days", () => ({ last_login_before: daysAgo(90) })],
  never: ["Never", () => ({ last_login: "never" })],
};
const SEEN_LABELS = Object.fromEntries(Object.entries(SEEN).map(([key, [label]]) => [key, label]));

const COLUMNS = [
  { name: "user", title: "User", cell: (user) => html`<${UserCell} user=${user} />` },
  { name: "roles", title: "Roles", cell: ({ roles }) => html`<${RoleBadges} roles=${roles} />` },
  { name: "status", title: "Status", cell: (user) => html`<${Status} user=${user} />` },
  { name: "seen", title: "Last sign-in", cell: (user) => html`<${Time} at=${user.last_login_at} />` },
  { name: "created", title: "Created", cell: (user) => html`<${Time} at=${user.created_at} />` },
];

export function Users({ route: { id, query } }) {
  const { q, role, status, seen, sort } = query;
  const filters = useMemo(() => ({ q, role, status, sort, ...SEEN[seen]?.[1]?.() }), [q, role, status, seen, sort]);
  const list = usePages("admin/users", filters);
  const isFiltered = Boolean(q || role || status || seen);
  useEffect(() => remember(...list.pages.flat()), [list.pages]);
  const close = href("users", "", query);
  return html`
    <div class=${id ? "with-panel" : ""}>
      <section class="view" aria-labelledby="view-title">
        <${Head} title="Users" note=${count(list.total, "user")}>
          <a class="button quiet" href=${href("invitations")}>Invitations</a>
          <${Button} onClick=${() => openDialog(NewUserDialog, { onCreated: list.reload })}>New user<//>
        <//>
        <div class="filters" role="search">
          <${SearchField} label="Search by start of e-mail address or username, or by id" value=${q} onChange=${(text) => setQuery({ q: text })} />
          <${TextChip} label="Role" value=${role} placeholder="Any" onChange=${(value) => setQuery({ role: value.toLowerCase() })} />
          <${ChoiceChip} label="Status" value=${status} options=${STATUS} onChange=${(value) => setQuery({ status: value })} />
          <${ChoiceChip} label="Last sign-in" value=${seen} options=${SEEN_LABELS} onChange=${(value) => setQuery({ seen: value })} />
          <${ChoiceChip} label="Sort" value=${sort} options=${SORT} onChange=${(value) => setQuery({ sort: value })} />
        </div>
        <p class="hidden-text" role="status">${list.status === "ready" ? count(list.total, "user") || "No user matches" : ""}</p>
        <${List} label="Users" kind="users" list=${list} columns=${COLUMNS} selected=${id} link=${(user) => href("users", user.id, query)} empty=${html`<${Empty} isFiltered=${isFiltered} />`} />
      </section>
      ${id && html`<${UserPanel} key=${id} id=${id} close=${close} onChange=${(user) => list.replace(id, user)} />`}
    </div>
  `;
}

function UserCell({ user }) {
  return html`
    <${Avatar} user=${user} />
    <span class="two-lines">
      <bdi class="strong">${user.name || user.username || user.email}</bdi>
      <bdi class="soft">${user.email}</bdi>
    </span>
  `;
}

function Empty({ isFiltered }) {
  if (!isFiltered) return html`<p><strong>No users yet</strong></p><p>Users appear here when they register, or when you create or invite them.</p>`;
  return html`<p><strong>No user matches</strong></p><p>The search finds the start of an e-mail address or username, and complete ids.</p><a href=${href("users")}>Remove all filters</a>`;
}
