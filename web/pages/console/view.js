// Parts that all views have.
import { get } from "./api.js";
import { sentence } from "./forms.js";
import { onEvents } from "./live.js";
import { html, useEffect, useRef, useState } from "./ui.js";

/**
 * The heading of a view, which receives the focus when the route changes, with its actions. The place of a `note` is kept
 * while it is `null`, which means that it is still loading.
 */
export function Head({ title, note, children }) {
  return html`
    <header class="view-head">
      <h1 id="view-title" tabindex="-1">${title}</h1>
      ${note !== undefined && html`<span class="soft note">${note}</span>`}
      <div class="actions">${children}</div>
    </header>
  `;
}

/**
 * Loads one thing, and loads it again after an interruption. Keeps the old one meanwhile.
 *
 * @returns `{ data, error, load }`
 */
export function useLoad(path) {
  const [state, setState] = useState({ data: null, error: null });
  const pending = useRef(null);
  const load = async () => {
    pending.current?.abort();
    const { signal } = (pending.current = new AbortController());
    try {
      const data = await get(path, {}, { signal });
      setState({ data, error: null });
    } catch (error) {
      if (!signal.aborted) setState((before) => ({ ...before, error }));
    }
  };
  useEffect(() => {
    load();
    const remove = onEvents((events) => events || load());
    return () => {
      remove();
      pending.current.abort();
    };
  }, [path]);
  return { ...state, load };
}

/** Shown instead of something that could not be loaded. */
export function LoadError({ error, again }) {
  return html`
    <div class="state bad" role="alert">
      <p>${error.status === 404 ? "This does not exist, or no longer." : sentence(error)}</p>
      <button class="small quiet" onClick=${again}>Try again</button>
    </div>
  `;
}
