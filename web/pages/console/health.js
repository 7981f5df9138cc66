// All auth servers that share the database: their parts, versions and settings.
import { duration, Time } from "./time.js";
import { classes, html, useEffect, useMemo, useState } from "./ui.js";
import { Head, LoadError, useLoad } from "./view.js";

const RELOAD_MS = 10_000;
const STATUS = { ready: ["Ready", "good"], not_ready: ["Not ready", "bad"], silent: ["Silent", "warn"] };
const PARTS = { database: "Database", signing_key: "Signing key", clock: "Clock", mail: "Mail" };

export function Health() {
  const { data, error, load } = useLoad("admin/servers");
  useEffect(() => {
    const timer = setInterval(() => document.hidden || load(), RELOAD_MS);
    return () => clearInterval(timer);
  }, []);
  const servers = data?.items ?? [];
  const versions = [...new Set(servers.map(({ version }) => version))];
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Health" note=${data && summary(servers)} />
      ${error && !data && html`<${LoadError} error=${error} again=${load} />`}
      ${versions.length > 1 && html`<p class="notice warn">The servers run different versions: ${versions.join(", ")}. That is normal only during an upgrade.</p>`}
      <div class="servers" aria-busy=${data || error ? "false" : "true"}>
        ${servers.map((server) => html`<${Server} key=${server.id} server=${server} />`)}
        ${!data && !error && html`<div class="box placeholder-box"></div>`}
      </div>
      ${servers.length > 0 && html`<${Settings} servers=${servers} />`}
    </section>
  `;
}

function summary(servers) {
  const ready = servers.filter(({ status }) => status === "ready").length;
  return `${ready} of ${servers.length} ${servers.length === 1 ? "server" : "servers"} ready`;
}

function Server({ server }) {
  const [label, level] = STATUS[server.status] ?? [server.status, ""];
  return html`
    <article class="box server">
      <div class="section-head">
        <h2><bdi>${server.host}</bdi></h2>
        <span class="badge ${level}">${label}</span>
      </div>
      <p class="soft">
        Version ${server.version} · running for ${duration(server.started_at)}
        ${server.status === "silent" && html`<span> · last seen <${Time} at=${server.seen_at} /></span>`}
      </p>
      <ul class="parts">
        ${Object.entries(server.parts).map(([name, part]) => html`
          <li>
            <span class=${classes("dot", part.ok ? "good" : "bad")} aria-hidden="true"></span>
            <span>${PARTS[name] ?? name}</span>
            <span class="soft">${partText(part)}</span>
          </li>
        `)}
      </ul>
    </article>
  `;
}

function partText({ ok, state, ahead_ms: ahead }) {
  if (state) return state;
  if (ahead !== undefined && ahead !== null) return ahead === 0 ? "exact" : `${Math.abs(ahead).toLocaleString("en")} ms ${ahead > 0 ? "ahead" : "behind"}`;
  return ok ? "ok" : "failing";
}

/** All settings in one table, first those in which servers differ. */
function Settings({ servers }) {
  const [text, setText] = useState("");
  const rows = useMemo(() => {
    const names = [...new Set(servers.flatMap(({ settings }) => Object.keys(settings)))].sort();
    const rows = names.map((name) => {
      const values = servers.map(({ settings }) => settings[name] ?? "");
      return { name, values, differs: new Set(values).size > 1 };
    });
    return rows.sort((one, other) => other.differs - one.differs);
  }, [servers]);
  const wanted = text.trim().toLowerCase();
  const shown = rows.filter(({ name, values }) => [name, ...values].some((one) => one.toLowerCase().includes(wanted)));
  const isUniform = rows.every(({ differs }) => !differs);
  const heads = isUniform ? ["Value"] : servers.map(({ host }) => host);
  return html`
    <div class="box settings">
      <div class="section-head">
        <h2 id="settings">Settings</h2>
        <label class="search"><span class="hidden-text">Filter the settings</span><input type="search" placeholder="Filter" value=${text} onInput=${({ target }) => setText(target.value)} /></label>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="settings">
        <table>
          <thead><tr><th scope="col">Setting</th>${heads.map((head) => html`<th scope="col"><bdi>${head}</bdi></th>`)}</tr></thead>
          <tbody>
            ${shown.map(({ name, values, differs }) => html`
              <tr class=${differs ? "differs" : ""}>
                <th scope="row"><code>${name}</code>${differs && html` <span class="badge warn">differs</span>`}</th>
                ${(isUniform ? values.slice(0, 1) : values).map((value) => html`<td><code>${value || "–"}</code></td>`)}
              </tr>
            `)}
          </tbody>
        </table>
        ${!shown.length && html`<p class="hint">No setting matches.</p>`}
      </div>
    </div>
  `;
}
