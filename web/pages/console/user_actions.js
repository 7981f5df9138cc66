// Actions on a user: reset link, disabling with undo, deletion.
import { base, change } from "./api.js";
import { confirm } from "./dialog.js";
import { Button, Problem, useAction } from "./forms.js";
import { session } from "./session.js";
import { toast } from "./toast.js";
import { html, useStore } from "./ui.js";

export function UserActions({ user, onChange, onDeleted }) {
  const isSelf = useStore(session).user?.id === user.id;
  const path = `admin/users/${user.id}`;
  const reset = useAction(async () => {
    try {
      await change("POST", `${path}/password-reset`);
      toast(`A link for a new password is on its way to ${user.email}.`);
    } catch (error) {
      if (error.status === 404) error.message = "This server sends no mail. Use the command `auth-server users reset-password`.";
      throw error;
    }
  });
  const setDisabled = async (disabled) => onChange(await change("PATCH", path, { disabled }));
  const toggle = useAction(async () => {
    const disabled = !user.disabled;
    await setDisabled(disabled);
    if (disabled) toast(`${user.email} is disabled, and all sessions have ended.`, { label: "Undo", run: undo.act });
    else toast(`${user.email} is enabled.`);
  });
  const undo = useAction(async () => {
    await setDisabled(false);
    toast(`${user.email} is enabled again. Ended sessions stay ended.`);
  });
  const remove = useAction(async () => {
    const isSure = await confirm({
      title: "Delete this user?",
      text: [
        "The account, its sessions and its claims are deleted for good. Of its events, only type, time and id remain.",
        "To keep the account without access, disable it instead.",
      ],
      typed: user.email,
      action: "Delete user",
      isDanger: true,
    });
    if (!isSure) return;
    await change("DELETE", path);
    toast(`${user.email} is deleted.`);
    onDeleted();
  });
  const failed = [reset, toggle, undo, remove].find((action) => action.error) ?? reset;
  return html`
    <section class="panel-section actions-section" aria-labelledby="actions-of-user">
      <h3 id="actions-of-user">Actions</h3>
      <${Problem} action=${failed} />
      <div class="action">
        <span class="two-lines"><span class="strong">Send a reset link</span><span class="soft">The password stays valid until the user sets a new one.</span></span>
        <${Button} kind="small quiet" busy=${reset.busy} disabled=${user.disabled} onClick=${reset.act}>Send<//>
      </div>
      <div class="action">
        <span class="two-lines">
          <span class="strong">${user.disabled ? "Enable the user" : "Disable the user"}</span>
          <span class="soft">${user.disabled ? "The user can sign in again." : "Ends all sessions. The user can no longer sign in."}</span>
        </span>
        <${Button} kind="small ${user.disabled ? "quiet" : "danger"}" busy=${toggle.busy || undo.busy} onClick=${toggle.act}>${user.disabled ? "Enable" : "Disable"}<//>
      </div>
      <div class="action">
        <span class="two-lines"><span class="strong">Delete the user</span><span class="soft">${isSelf ? "This is your own account. Delete it on the account page." : "Cannot be undone."}</span></span>
        ${isSelf
          ? html`<a href="${base.href}account#deletion">Account page</a>`
          : html`<${Button} kind="small danger" busy=${remove.busy} onClick=${remove.act}>Delete …<//>`}
      </div>
    </section>
  `;
}
