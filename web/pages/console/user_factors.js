// The second factors of a user: kinds and times, and a way back for users who have lost them.
import { change } from "./api.js";
import { confirm } from "./dialog.js";
import { Button, Problem, useAction } from "./forms.js";
import { session } from "./session.js";
import { Time } from "./time.js";
import { toast } from "./toast.js";
import { html, useStore } from "./ui.js";
import { LoadError, useLoad } from "./view.js";

const KINDS = { totp: "Authenticator app", passkey: "Passkey", security_key: "Security key" };

export function UserFactors({ user }) {
  const isSelf = useStore(session).user?.id === user.id;
  const path = `admin/users/${user.id}/factors`;
  const { data, error, load } = useLoad(path);
  const reset = useAction(async () => {
    const isSure = await confirm({
      title: "Reset the second factors?",
      text: [
        "All authenticator apps, passkeys and recovery codes of this user are removed, and all sessions end. The user is told by mail.",
        "Be sure that it is the user who asks: until a new factor is set up, the password alone signs in.",
      ],
      typed: user.email,
      action: "Reset second factors",
      isDanger: true,
    });
    if (!isSure) return;
    await change("DELETE", path);
    toast(`${user.email} has no second factor now, and all sessions have ended.`);
    load();
  });
  const { factors = [], recovery_codes_left: left, second_factor: isOn, totp_locked: isLocked } = data ?? {};
  return html`
    <section class="panel-section" aria-labelledby="factors-of-user">
      <h3 id="factors-of-user">Second factors <span class="badge ${isOn ? "good" : ""}">${data && (isOn ? "On" : "Off")}</span></h3>
      ${error && !data && html`<${LoadError} error=${error} again=${load} />`}
      <${Problem} action=${reset} />
      ${data && html`
        ${factors.length > 0 && html`
          <ul class="user-factors">
            ${factors.map((factor) => html`
              <li key=${factor.id} class="two-lines">
                <span class="strong"><bdi>${factor.name}</bdi> ${factor.synced && html`<span class="badge">Synced</span>`}</span>
                <span class="soft">${KINDS[factor.kind] ?? factor.kind} · added <${Time} at=${factor.created_at} /> · ${factor.last_used_at ? html`last used <${Time} at=${factor.last_used_at} />` : "never used"}</span>
              </li>
            `)}
          </ul>
        `}
        ${isLocked && html`<p class="notice bad">Codes of the authenticator app are locked after too many wrong ones.</p>`}
        <div class="action">
          <span class="two-lines">
            <span class="strong">Reset second factors</span>
            <span class="soft">${isSelf ? "This is your own account. Use the account page." : factors.length ? `For a user who has lost them. ${left} recovery codes left.` : "This user has none."}</span>
          </span>
          ${!isSelf && factors.length > 0 && html`<${Button} kind="small danger" busy=${reset.busy} onClick=${reset.act}>Reset …<//>`}
        </div>
      `}
    </section>
  `;
}
