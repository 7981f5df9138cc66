// Mails that wait, that failed and that were sent. Their links and codes are never shown.
import { change } from "./api.js";
import { Button, Problem, useAction } from "./forms.js";
import { List, usePages } from "./list.js";
import { href } from "./router.js";
import { Time } from "./time.js";
import { toast } from "./toast.js";
import { html, useMemo } from "./ui.js";
import { Head } from "./view.js";

const STATES = { waiting: "Waiting", failed: "Failed", sent: "Sent" };
const EMPTY = {
  waiting: ["No mail is waiting", "Every mail has been handed to the mail server."],
  failed: ["No mail has failed", "Mails that the mail server rejects appear here."],
  sent: ["No mail has been sent", "Sent mails appear here for a while."],
};

const words = (text) => text.replaceAll("_", " ");

export function Mail({ route: { query } }) {
  const state = query.state in STATES ? query.state : "waiting";
  const filter = useMemo(() => ({ state }), [state]);
  const list = usePages("admin/mails", filter);
  const retry = useAction(async (mail) => {
    await change("POST", `admin/mails/${mail.id}/retry`);
    list.replace(mail.id, null);
    toast(`The mail to ${mail.recipient} is tried again.`);
  });
  const columns = useMemo(() => [
    { name: "user", title: "Recipient", cell: (mail) => html`<span class="two-lines"><bdi class="strong">${mail.recipient}</bdi><span class="soft">${words(mail.kind)} · ${mail.locale}</span></span>` },
    { name: "details", title: "Result", cell: (mail) => html`<${Outcome} mail=${mail} />` },
    { name: "seen", title: "Created", cell: (mail) => html`<${Time} at=${mail.created_at} />` },
    { name: "created", title: state === "waiting" ? "Next attempt" : STATES[state], cell: (mail) => html`<${Time} at=${mail.sent_at ?? mail.failed_at ?? mail.due_at} />` },
    ...(state === "sent" ? [] : [{ name: "buttons", title: "Actions", cell: (mail) => html`<${Button} kind="small quiet" aria-label="Try the mail to ${mail.recipient} again" onClick=${() => retry.act(mail)}>Try now<//>` }]),
  ], [state]);
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Mail"><button class="quiet" onClick=${list.reload}>Refresh</button><//>
      <nav class="segments" aria-label="State of the mails">
        ${Object.entries(STATES).map(([key, label]) => html`<a href=${href("mail", "", { state: key })} aria-current=${key === state ? "page" : null}>${label}</a>`)}
      </nav>
      <${Problem} action=${retry} />
      ${list.error?.status === 404 ? html`<div class="state"><p>This server sends no mail: <code>MAIL_TRANSPORT</code> is off.</p></div>` : html`<${List} label="${STATES[state]} mails" kind="mails" list=${list} columns=${columns} empty=${html`<p><strong>${EMPTY[state][0]}</strong></p><p>${EMPTY[state][1]}</p>`} />`}
    </section>
  `;
}

function Outcome({ mail }) {
  const attempts = `${mail.attempts} failed ${mail.attempts === 1 ? "attempt" : "attempts"}`;
  if (mail.state === "sent") return html`<span class="soft">${mail.attempts ? `after ${attempts}` : "at the first attempt"}</span>`;
  const level = mail.state === "failed" ? "bad" : mail.attempts ? "strong" : "soft";
  const text = mail.outcome ? words(mail.outcome) : mail.state === "failed" ? "failed" : "not tried yet";
  return html`<span class="two-lines"><span class=${level} title=${text}>${text}</span><span class="soft">${mail.attempts > 0 && attempts}</span></span>`;
}
