// Invites a person, or creates an account at once.
import { change } from "./api.js";
import { RolesField } from "./chips.js";
import { Dialog } from "./dialog.js";
import { Button, Field, Problem, useAction } from "./forms.js";
import { href, navigate } from "./router.js";
import { toast } from "./toast.js";
import { html, useState } from "./ui.js";

const EMPTY = { email: "", name: "", username: "", password: "", roles: [], isVerified: false };

export function NewUserDialog({ onCreated, close, isInvitation = true }) {
  const [invites, setInvites] = useState(isInvitation);
  const [values, setValues] = useState(EMPTY);
  const [link, setLink] = useState(null);
  const set = (name) => (value) => setValues((before) => ({ ...before, [name]: value }));
  const { email, name, username, password, roles, isVerified } = values;
  const shared = { email: email.trim(), name: name.trim() || undefined, roles };
  const save = useAction(async () => {
    if (invites) {
      const invitation = await change("POST", "admin/invitations", shared);
      onCreated();
      if (invitation.link) return setLink(invitation.link);
      toast(`${invitation.email} gets a link, which is valid for 7 days.`);
      return close();
    }
    const more = { username: username.trim() || undefined, password: password || undefined, email_verified: isVerified || undefined };
    const user = await change("POST", "admin/users", { ...shared, ...more });
    onCreated();
    close();
    toast(`${user.email} is created.`);
    navigate(href("users", user.id));
  });
  if (link) return html`<${LinkDialog} link=${link} email=${shared.email} close=${close} />`;
  const { error } = save;
  const at = (field) => error?.at?.(field);
  const isElsewhere = error && !["email", "name", "username", "password", "roles"].some(at) && error.code !== "email_taken";
  return html`
    <${Dialog} title="New user" close=${close} onSubmit=${() => save.act()} wide>
      <div class="segments" role="radiogroup" aria-label="How">
        <label><input type="radio" name="how" checked=${invites} onChange=${() => setInvites(true)} />Invite</label>
        <label><input type="radio" name="how" checked=${!invites} onChange=${() => setInvites(false)} />Create now</label>
      </div>
      <p class="hint">${invites ? "The person gets a link and chooses the password." : "The account exists at once. Without a password, the user sets one with a reset link."}</p>
      <${Field} label="E-mail" type="email" value=${email} onInput=${set("email")} error=${error?.code === "email_taken" ? "A user has this address already." : at("email")} autocomplete="off" spellcheck=${false} />
      <${Field} label="Name" value=${name} onInput=${set("name")} error=${at("name")} autocomplete="off" maxlength="64" />
      ${!invites && html`
        <${Field} label="Username" value=${username} onInput=${set("username")} error=${at("username")} autocomplete="off" spellcheck=${false} />
        <${Field} label="Temporary password" type="password" value=${password} onInput=${set("password")} error=${at("password")} hint="Optional. The user must replace it at the first sign-in." autocomplete="new-password" />
        <label class="check"><input type="checkbox" checked=${isVerified} onChange=${(event) => set("isVerified")(event.target.checked)} />The e-mail address is verified</label>
      `}
      <${RolesField} roles=${roles} onChange=${set("roles")} error=${at("roles")} />
      ${isElsewhere && html`<${Problem} action=${save} />`}
      <div class="dialog-buttons">
        <button type="button" class="quiet" onClick=${() => close()}>Cancel</button>
        <${Button} type="submit" busy=${save.busy} disabled=${!email.trim()}>${invites ? "Invite" : "Create user"}<//>
      </div>
    <//>
  `;
}

/** Without mail, the administrator delivers the link. */
function LinkDialog({ link, email, close }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(link);
    setCopied(true);
  };
  return html`
    <${Dialog} title="Deliver this link" close=${close} onSubmit=${() => close()} wide>
      <p>This server sends no mail. Give the link to <bdi>${email}</bdi> and to no one else. It is valid for 7 days and cannot be shown again.</p>
      <pre>${link}</pre>
      <div class="dialog-buttons">
        ${navigator.clipboard && html`<button type="button" class="quiet" onClick=${copy}>${isCopied ? "Copied" : "Copy"}</button>`}
        <button>Done</button>
      </div>
    <//>
  `;
}
