// E-mail address, roles and claims of a user in one form. It sends only what was changed here.
import { change, get } from "./api.js";
import { RolesField } from "./chips.js";
import { ClaimsField, parseClaims, printClaims } from "./claims_field.js";
import { confirm } from "./dialog.js";
import { Button, Field, Problem, useAction } from "./forms.js";
import { guardRoute } from "./router.js";
import { toast } from "./toast.js";
import { html, useEffect, useRef, useState } from "./ui.js";

/** Of the values, also in messages. */
const NAMES = ["email", "roles", "claims"];
const label = (name) => (name === "email" ? "e-mail address" : name);

/** How a value is compared and edited: claims as text. */
const edited = (user) => ({ email: user.email, roles: user.roles, claims: printClaims(user.claims) });
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export function UserForm({ user, reload, onSaved }) {
  /** The values that the draft is based on. Newer ones are in `user`. */
  const [base, setBase] = useState(() => edited(user));
  const [draft, setDraft] = useState(base);
  const current = edited(user);
  const changed = NAMES.filter((name) => !isSame(draft[name], base[name]));
  const outdated = NAMES.filter((name) => !isSame(current[name], base[name]));
  const set = (name) => (value) => setDraft((before) => ({ ...before, [name]: value }));
  const isDirty = changed.length > 0;
  const isInvalid = changed.includes("claims") && Boolean(parseClaims(draft.claims).error);
  useUnsavedGuard(isDirty, user);

  const save = useAction(async () => {
    const stored = edited(await get(`admin/users/${user.id}`));
    // The notice shows what another administrator has changed meanwhile.
    if (changed.some((name) => !isSame(stored[name], base[name]))) return reload();
    const values = { ...draft, claims: parseClaims(draft.claims).claims };
    const saved = await change("PATCH", `admin/users/${user.id}`, Object.fromEntries(changed.map((name) => [name, values[name]])));
    setBase(edited(saved));
    setDraft(edited(saved));
    onSaved(saved);
    toast(`Saved the ${changed.map(label).join(" and ")} of ${saved.email}.`);
  });

  // Without own changes there is nothing to decide.
  useEffect(() => {
    if (!isDirty && outdated.length && !save.busy) showNew();
  });
  /** Takes the new values, but keeps what was typed here. */
  const showNew = () => {
    setBase(current);
    setDraft(Object.fromEntries(NAMES.map((name) => [name, changed.includes(name) ? draft[name] : current[name]])));
  };
  const conflicts = outdated.filter((name) => changed.includes(name));
  const submit = (event) => {
    event.preventDefault();
    if (isDirty && !outdated.length && !isInvalid) save.act();
  };
  const { error } = save;
  return html`
    <form class="panel-section" onSubmit=${submit} novalidate aria-label="Profile and access">
      ${isDirty && outdated.length > 0 && html`
        <div class="notice warn" role="alert">
          <p>
            <strong>Changed elsewhere: ${outdated.map(label).join(", ")}.</strong>
            ${" "}${conflicts.length ? "You edited the same. Nothing of yours is lost:" : ""}
          </p>
          ${conflicts.map((name) => html`<p class="hint">New ${label(name)}: <bdi class="mono">${[current[name]].flat().join(", ") || "none"}</bdi></p>`)}
          <div class="notice-buttons">
            <button type="button" class="small" onClick=${showNew}>Show the new values</button>
            ${conflicts.length > 0 && html`<button type="button" class="small quiet" onClick=${() => { setBase(current); setDraft(current); }}>Drop mine</button>`}
          </div>
        </div>
      `}
      <${Field} label="E-mail" type="email" value=${draft.email} onInput=${set("email")} error=${error?.code === "email_taken" ? "Another user has this address." : error?.at?.("email")} hint=${draft.email !== base.email ? "The new address is not verified. Both addresses get a notice." : null} autocomplete="off" spellcheck=${false} />
      <${RolesField} roles=${draft.roles} onChange=${set("roles")} error=${error?.at?.("roles")} />
      <${ClaimsField} text=${draft.claims} onInput=${set("claims")} error=${error?.at?.("claims")} />
      <div class="save-bar" hidden=${!isDirty}>
        <${Problem} action=${save} />
        <button type="button" class="quiet" onClick=${() => setDraft(base)}>Discard</button>
        <${Button} type="submit" busy=${save.busy} disabled=${outdated.length > 0 || isInvalid}>Save changes<//>
      </div>
    </form>
  `;
}

/** Asks before the panel or the page is left with unsaved changes. */
function useUnsavedGuard(isDirty, user) {
  const dirty = useRef(isDirty);
  dirty.current = isDirty;
  useEffect(() => {
    const ask = () => confirm({ title: "Discard your changes?", text: `You have changed ${user.email} and not saved it.`, action: "Discard", isDanger: true });
    guardRoute(async () => !dirty.current || ask());
    const onUnload = (event) => dirty.current && event.preventDefault();
    addEventListener("beforeunload", onUnload);
    return () => {
      guardRoute(null);
      removeEventListener("beforeunload", onUnload);
    };
  }, []);
}
