// One user, in a panel with its own URL. A change by another administrator is shown, never overwritten.
import { get } from "./api.js";
import { Status } from "./chips.js";
import { onEvents } from "./live.js";
import { Avatar, remember } from "./people.js";
import { navigate } from "./router.js";
import { exact, Time } from "./time.js";
import { html, useEffect, useRef, useState } from "./ui.js";
import { UserActions } from "./user_actions.js";
import { UserFactors } from "./user_factors.js";
import { UserForm } from "./user_form.js";
import { UserEvents, UserSessions } from "./user_lists.js";
import { LoadError } from "./view.js";

/**
 * @param {string} close  the URL without the panel
 * @param onChange receives the user after a change; null after the deletion
 */
export function UserPanel({ id, close, onChange }) {
  const [state, setState] = useState({ user: null, error: null });
  const panel = useRef();
  const load = async () => {
    try {
      show(await get(`admin/users/${id}`));
    } catch (error) {
      setState((before) => ({ ...before, error }));
    }
  };
  const show = (user) => {
    remember(user);
    onChange(user);
    setState({ user, error: null });
  };
  const isLoaded = Boolean(state.user);
  useEffect(() => {
    load();
    return onEvents((events) => {
      const own = events?.filter((event) => event.user_id === id);
      if (own?.some((event) => event.type === "user_deleted")) setState((before) => ({ ...before, error: { status: 404 } }));
      else if (!own || own.length) load();
    });
  }, [id]);
  useEffect(() => {
    panel.current.focus();
    return () => document.querySelector(`.row-link[data-id="${CSS.escape(id)}"]`)?.focus();
  }, []);
  useEffect(() => {
    const onKeyDown = (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) leave();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [close]);
  const leave = () => navigate(close);
  const removed = () => {
    onChange(null);
    leave();
  };
  const { user, error } = state;
  return html`
    <aside class="panel" ref=${panel} tabindex="-1" aria-label="User" aria-busy=${!isLoaded && !error ? "true" : "false"}>
      <header class="panel-head">
        ${user ? html`<${Title} user=${user} />` : html`<span class="panel-title"><span class="avatar"></span><span class="two-lines"><strong>${error ? "User" : "Loading …"}</strong></span></span>`}
        <a class="icon" href=${close} aria-label="Close the panel" title="Close (Escape)">✕</a>
      </header>
      <div class="panel-body">
        ${error && !user && html`<${LoadError} error=${error} again=${load} />`}
        ${error?.status === 404 && user && html`<p class="notice bad" role="alert">This user has been deleted.</p>`}
        ${user && html`
          <${Facts} user=${user} />
          <${UserForm} user=${user} reload=${load} onSaved=${show} />
          <${UserSessions} user=${user} />
          <${UserEvents} user=${user} />
          <${UserFactors} user=${user} />
          <${UserActions} user=${user} onChange=${show} onDeleted=${removed} />
        `}
      </div>
    </aside>
  `;
}

function Title({ user }) {
  return html`
    <span class="panel-title">
      <${Avatar} user=${user} />
      <span class="two-lines">
        <h2 dir="auto">${user.name || user.username || user.email}</h2>
        <bdi class="soft">${user.email}</bdi>
      </span>
      <${Status} user=${user} />
    </span>
  `;
}

function Facts({ user }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(user.id);
    setCopied(true);
  };
  return html`
    <dl class="facts">
      ${user.username && html`<dt>Username</dt><dd><bdi>${user.username}</bdi></dd>`}
      <dt>Created</dt><dd><${Time} at=${user.created_at} /></dd>
      <dt>Last sign-in</dt><dd><${Time} at=${user.last_login_at} /></dd>
      ${user.disabled_at && html`<dt>Disabled</dt><dd title=${exact(user.disabled_at)}><${Time} at=${user.disabled_at} /></dd>`}
      <dt>Language</dt><dd>${user.locale ?? html`<span class="soft">not chosen</span>`}</dd>
      <dt>Id</dt>
      <dd class="id">
        <code>${user.id}</code>
        ${navigator.clipboard && html`<button class="small quiet" onClick=${copy} aria-label="Copy the id">${isCopied ? "Copied" : "Copy"}</button>`}
      </dd>
    </dl>
  `;
}
