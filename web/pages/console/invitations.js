// Open invitations: withdraw them, send their mails again.
import { change } from "./api.js";
import { RoleBadges } from "./chips.js";
import { confirm, openDialog } from "./dialog.js";
import { Button, Problem, useAction } from "./forms.js";
import { List, usePages } from "./list.js";
import { NewUserDialog } from "./new_user.js";
import { href } from "./router.js";
import { Time } from "./time.js";
import { toast } from "./toast.js";
import { html, useMemo } from "./ui.js";
import { Head } from "./view.js";

const NO_FILTER = {};

export function Invitations() {
  const list = usePages("admin/invitations", NO_FILTER);
  const resend = useAction(async ({ id, email }) => {
    await change("POST", `admin/invitations/${id}/resend`);
    toast(`The link is sent to ${email} again.`);
    list.reload();
  });
  const revoke = useAction(async ({ id, email }) => {
    const isSure = await confirm({ title: "Withdraw the invitation?", text: `The link of ${email} becomes invalid.`, action: "Withdraw", isDanger: true });
    if (!isSure) return;
    await change("DELETE", `admin/invitations/${id}`);
    list.replace(id, null);
    toast(`The invitation of ${email} is withdrawn.`);
  });
  const columns = useMemo(() => [
    { name: "user", title: "E-mail", cell: ({ email, name }) => html`<span class="two-lines"><bdi class="strong">${email}</bdi><bdi class="soft">${name}</bdi></span>` },
    { name: "roles", title: "Roles", cell: ({ roles }) => html`<${RoleBadges} roles=${roles} />` },
    { name: "seen", title: "Invited", cell: ({ created_at: at }) => html`<${Time} at=${at} />` },
    { name: "created", title: "Expires", cell: ({ expires_at: at }) => html`<${Time} at=${at} />` },
    { name: "buttons", title: "Actions", cell: (invitation) => html`
      <${Button} kind="small quiet" aria-label="Send the invitation of ${invitation.email} again" onClick=${() => resend.act(invitation)}>Resend<//>
      <${Button} kind="small quiet" aria-label="Withdraw the invitation of ${invitation.email}" onClick=${() => revoke.act(invitation)}>Withdraw<//>
    ` },
  ], []);
  return html`
    <section class="view" aria-labelledby="view-title">
      <${Head} title="Invitations">
        <a class="button quiet" href=${href("users")}>Users</a>
        <${Button} onClick=${() => openDialog(NewUserDialog, { onCreated: list.reload })}>Invite<//>
      <//>
      <${Problem} action=${resend.error ? resend : revoke} />
      <${List} label="Open invitations" kind="mails" list=${list} columns=${columns} empty=${html`<p><strong>No open invitations</strong></p><p>Invited people appear here until they create their account.</p>`} />
    </section>
  `;
}
