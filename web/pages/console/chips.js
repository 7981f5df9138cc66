// Filters and roles as chips.
import { useLocked } from "./session.js";
import { classes, html, useId, useRef, useState } from "./ui.js";

/** A filter with a fixed choice. @param options `{ value: label }`; the empty value is "any" */
export function ChoiceChip({ label, value = "", options, onChange }) {
  return html`
    <label class=${classes("chip", value && "on")}>
      <span>${label}</span>
      <select aria-label=${label} value=${value} onChange=${(event) => onChange(event.target.value)}>
        ${Object.entries(options).map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}
      </select>
      ${value && html`<${Clear} label=${label} onClick=${() => onChange("")} />`}
    </label>
  `;
}

/** A filter with a text, applied with Enter or when the field is left. */
export function TextChip({ label, value = "", placeholder, onChange, ...attributes }) {
  const apply = (event) => event.target.value.trim() !== value && onChange(event.target.value.trim());
  const onKeyDown = (event) => event.key === "Enter" && apply(event);
  return html`
    <label class=${classes("chip", value && "on")}>
      <span>${label}</span>
      <input aria-label=${label} key=${value} defaultValue=${value} placeholder=${placeholder} onKeyDown=${onKeyDown} onBlur=${apply} size=${Math.max(8, value.length)} spellcheck=${false} autocomplete="off" autocapitalize="off" ...${attributes} />
      ${value && html`<${Clear} label=${label} onClick=${() => onChange("")} />`}
    </label>
  `;
}

function Clear({ label, onClick }) {
  const click = (event) => {
    event.preventDefault();
    onClick();
  };
  return html`<button type="button" class="chip-clear" aria-label="Remove the filter ${label}" onClick=${click}>✕</button>`;
}

const MAX_ROLES = 16;
const ROLE = /^[a-z0-9_-]{1,32}$/;

/** The roles of a user, with adding and removing. */
export function RolesField({ roles, onChange, error, label = "Roles" }) {
  const id = useId();
  const locked = useLocked();
  const field = useRef();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const problem = wrong || error;
  const add = () => {
    const added = text.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const invalid = added.find((role) => !ROLE.test(role));
    const all = [...new Set([...roles, ...added])];
    if (invalid) return setWrong(`“${invalid.length > 32 ? `${invalid.slice(0, 32)}…` : invalid}” is not a role: use 1 to 32 of a-z, 0-9, _ and -.`);
    if (all.length > MAX_ROLES) return setWrong(`A user has at most ${MAX_ROLES} roles.`);
    setWrong("");
    setText("");
    if (added.length) onChange(all);
  };
  const remove = (role) => {
    onChange(roles.filter((one) => one !== role));
    field.current.focus();
  };
  const onKeyDown = (event) => {
    if ((event.key === "Enter" && text) || event.key === ",") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && !text && roles.length) {
      remove(roles.at(-1));
    }
  };
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      <div class="roles-field" aria-invalid=${problem ? "true" : null}>
        ${roles.map((role) => html`
          <span class="role" key=${role}>
            ${role}
            ${!locked && html`<button type="button" aria-label="Remove the role ${role}" onClick=${() => remove(role)}>✕</button>`}
          </span>
        `)}
        <input id=${id} ref=${field} value=${text} readOnly=${locked} placeholder=${roles.length ? "Add a role" : "No roles. Add one"} onInput=${(event) => {
          setText(event.target.value);
          setWrong("");
        }} onKeyDown=${onKeyDown} onBlur=${add} aria-describedby="${id}-hint ${id}-error" spellcheck=${false} autocomplete="off" autocapitalize="off" />
      </div>
      <p class="hint row-hint" id="${id}-hint"><span>Enter adds a role.</span><span>${roles.length} of ${MAX_ROLES}</span></p>
      <p class="error" id="${id}-error" role=${problem ? "alert" : null}>${problem}</p>
    </div>
  `;
}

/** The first roles of a user, and how many more there are. */
export function RoleBadges({ roles, most = 2 }) {
  return html`
    <span class="role-badges">
      ${roles.slice(0, most).map((role) => html`<span class=${classes("badge", role === "admin" && "good")}>${role}</span>`)}
      ${roles.length > most && html`<span class="badge" title=${roles.slice(most).join(", ")}>+${roles.length - most}</span>`}
    </span>
  `;
}

/** The state of an account. Active ones with a verified address need no attention. */
export function Status({ user }) {
  if (user.disabled) return html`<span class="badge bad">Disabled</span>`;
  if (!user.email_verified) return html`<span class="badge">Unverified</span>`;
  return html`<span class="soft">Active</span>`;
}
