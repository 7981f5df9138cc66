// A search field that searches while the user types.
import { html, useEffect, useRef, useState } from "./ui.js";

const DEBOUNCE_MS = 150;

/** "/" focuses it, Escape empties it. */
export function SearchField({ label, value = "", onChange }) {
  const [text, setText] = useState(value);
  const field = useRef();
  const timer = useRef();
  // The route may change without typing, for example by the back button.
  useEffect(() => {
    if (document.activeElement !== field.current) setText(value);
  }, [value]);
  useEffect(() => {
    const onKeyDown = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isEditable(event.target)) return;
      event.preventDefault();
      field.current.select();
    };
    addEventListener("keydown", onKeyDown);
    return () => {
      removeEventListener("keydown", onKeyDown);
      clearTimeout(timer.current);
    };
  }, []);
  const change = (next, delay = DEBOUNCE_MS) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(next.trim()), delay);
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter") change(text, 0);
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (text) change("", 0);
    else field.current.blur();
  };
  return html`
    <label class="search">
      <span class="hidden-text">${label}</span>
      <input ref=${field} type="search" value=${text} placeholder="Search" title=${label} onInput=${(event) => change(event.target.value)} onKeyDown=${onKeyDown} autocomplete="off" autocapitalize="off" spellcheck=${false} maxlength="254" dir="auto" />
      <kbd aria-hidden="true">/</kbd>
    </label>
  `;
}

const isEditable = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.closest("dialog");
