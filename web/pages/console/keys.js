// Signing keys on their way from next to retired.
import { change } from "./api.js";
import { confirm } from "./dialog.js";
import { Button, Problem, useAction } from "./forms.js";
import { exact, Time } from "./time.js";
import { toast } from "./toast.js";
import { classes, html } from "./ui.js";
import { Head, LoadError, useLoad } from "./view.js";

/** The stages in their order. */
const STAGES = [
  { role: "next", title: "Next", text: "Published, so that every API knows it before it signs." },
  { role: "signing", title: "Signing", text: "Signs all new access tokens." },
  { role: "verifying", title: "Verifying", text: "Signs no more. Its last tokens are still valid." },
  { role: "retired", title: "Retired", text: "All of its tokens have expired, or are rejected." },
];
const stageOf = ({ role }) => (role === "spent" ? "retired" : role);

export function Keys() {
  const { data, error, load } = useLoad("admin/keys");
  const rotate = useAction(async () => {
    const isSure = await confirm({
      title: "Rotate the signing key?",
      text: "A new key is published now. It signs as soon as every API has had time to fetch it. No user notices. Tokens that the present key has signed stay valid until they expire.",
      action: "Rotate",
    });
    if (!isSure) return;
    await change("POST", "admin/keys/rotate");
    toast("A new key is published.");
    load();
  });
  const retire = useAction(async (key) => {
    const isSure = await confirm({ title: "Retire this key?", text: consequences(key), typed: key.kid.slice(0, 8), action: "Retire key", isDanger: true });
    if (!isSure) return;
    await change("POST", `admin/keys/${encodeURIComponent(key.kid)}/retire`);
    toast("The key is retired.");
    load();
  });
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Keys" note=${(data?.next_rotation_at ?? null) && html`<span>next rotation <${Time} at=${data.next_rotation_at} /></span>`}>
        <${Button} busy=${rotate.busy} onClick=${() => rotate.act()}>Rotate now<//>
      <//>
      <${Problem} action=${rotate.error ? rotate : retire} />
      ${error && !data ? html`<${LoadError} error=${error} again=${load} />` : html`<${Timeline} keys=${data?.items} retire=${retire} />`}
      ${data?.items.length === 0 && html`<p class="hint">Access tokens are signed with a shared secret (HS256). There are no keys to rotate here.</p>`}
    </section>
  `;
}

function Timeline({ keys, retire }) {
  return html`
    <ol class="timeline" aria-busy=${keys ? "false" : "true"}>
      ${STAGES.map(({ role, title, text }) => {
        const here = keys?.filter((key) => stageOf(key) === role) ?? [];
        return html`
          <li class=${classes("stage", role, here.length > 0 && "filled")}>
            <h2>${title}</h2>
            <p class="hint">${text}</p>
            ${here.map((key) => html`<${Key} key=${key.kid} item=${key} retire=${retire} />`)}
            ${!keys && role === "signing" && html`<div class="key-card loading"></div>`}
            ${keys && !here.length && html`<p class="stage-empty">None</p>`}
          </li>
        `;
      })}
    </ol>
  `;
}

function Key({ item: key, retire }) {
  const times = [
    ["Created", key.created_at],
    [key.role === "next" ? "Signs" : "Signs since", key.role === "next" || key.role === "signing" ? key.active_from : null],
    ["Needed until", key.retired_at ? null : key.needed_until],
    ["Retired", key.retired_at],
  ];
  return html`
    <article class="key-card">
      <h3 class="mono" title=${key.kid}>${key.kid.slice(0, 8)}…</h3>
      <span class="badge">${key.algorithm}</span>
      <dl class="facts">
        ${times.filter(([, at]) => at).map(([label, at]) => html`<dt>${label}</dt><dd title=${exact(at)}><${Time} at=${at} /></dd>`)}
      </dl>
      ${!key.retired_at && key.role !== "spent" && html`<${Button} kind="small danger" aria-label="Retire the key ${key.kid.slice(0, 8)}" onClick=${() => retire.act(key)}>Retire …<//>`}
    </article>
  `;
}

/** What happens to users if the key is retired. */
function consequences({ role }) {
  const last = "It cannot be undone. Do this only if the private key may have leaked.";
  if (role === "next") return ["No token is signed with this key yet. The next rotation starts over with another one.", last];
  const tokens = "APIs with the revocation feed reject all tokens of this key within a second, others when they fetch the key set, within 5 minutes.";
  const users = "Clients get a new token with their next refresh. Users stay signed in.";
  if (role === "signing") return [tokens, users, "Another key signs from now on. APIs that do not know it yet fetch the key set.", last];
  return [tokens, users, last];
}
