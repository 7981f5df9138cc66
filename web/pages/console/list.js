// Endless lists by cursor. They stay fast with thousands of rows: loaded pages are not drawn again.
import { get } from "./api.js";
import { sentence } from "./forms.js";
import { onEvents } from "./live.js";
import { classes, html, useEffect, useMemo, useRef, useState } from "./ui.js";

const PAGE = 50;
/** The height of a row in list.css, for pages that have not been laid out. */
const ROW_REM = 3.25;
const NOTHING = { pages: [], next: null, total: null, status: "loading", error: null };

/**
 * Loads a list page by page. A change of path or query aborts the request and keeps the old rows until the new ones are
 * there. `status`: `loading` (the first page), `more`, `ready`, `error`.
 */
export function usePages(path, query) {
  const key = JSON.stringify([path, query]);
  const [state, setState] = useState(NOTHING);
  const pending = useRef(null);
  const load = async (cursor) => {
    pending.current?.abort();
    const { signal } = (pending.current = new AbortController());
    setState((before) => ({ ...before, status: cursor ? "more" : "loading", error: null }));
    try {
      const page = await get(path, { ...query, limit: PAGE, cursor }, { signal });
      setState((before) => ({
        pages: cursor ? [...before.pages, page.items] : [page.items],
        next: page.next_cursor ?? null,
        total: page.total ?? (cursor ? before.total : null),
        status: "ready",
        error: null,
      }));
    } catch (error) {
      if (!signal.aborted) setState((before) => ({ ...before, status: "error", error, failed: cursor }));
    }
  };
  useEffect(() => {
    load();
    return () => pending.current.abort();
  }, [key]);
  const again = () => load(state.failed);
  // After an interruption, a failed page is loaded without a click.
  useEffect(() => (state.status === "error" ? onEvents((events) => events || again()) : undefined), [state]);

  const change = (edit) => setState((before) => ({ ...before, pages: before.pages.map(edit) }));
  return {
    ...state,
    again,
    reload: () => load(),
    loadMore: () => state.next && state.status === "ready" && load(state.next),
    /** Replaces or, with null, removes one item. */
    replace: (id, item) =>
      change((page) => (page.some((one) => one.id === id) ? page.flatMap((one) => (one.id !== id ? one : (item ?? []))) : page)),
    prepend: (items) => setState((before) => ({ ...before, pages: [items, ...before.pages] })),
  };
}

/**
 * A table of pages.
 *
 * @param kind     the class that sets the widths of the columns
 * @param columns  `[{ name, title, cell(item), hint? }]`; the name is the class of its cells
 * @param [link]   the URL of an item: its row can be clicked
 * @param empty    what is shown without items
 */
export function List({ label, kind, list, columns, link, selected, empty, id = (item) => item.id }) {
  const { pages, status, error, next } = list;
  const isFirst = status === "loading" && pages.length === 0;
  const count = pages.reduce((sum, page) => sum + page.length, 0);
  const body = useRef();
  const move = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.tagName !== "A") return;
    const links = [...body.current.querySelectorAll(".row-link")];
    const target = links[links.indexOf(event.target) + step];
    if (target) {
      event.preventDefault();
      target.focus();
    }
  };
  return html`
    <div class="list ${kind}" ref=${body} onKeyDown=${move} aria-busy=${status === "loading" ? "true" : "false"}>
      <div role="table" aria-label=${label} aria-rowcount=${next ? -1 : count + 1}>
        <div role="rowgroup" class="thead">
          <div role="row" class="tr">
            ${columns.map(({ name, title }) => html`<div role="columnheader" class="td ${name}">${title}</div>`)}
          </div>
        </div>
        ${pages.map((items, index) => html`
          <${Page} key=${pages.length && items[0] ? id(items[0]) : index} items=${items} columns=${columns} link=${link} id=${id}
            selected=${selected && items.some((item) => id(item) === selected) ? selected : null} />
        `)}
      </div>
      ${isFirst && html`<${Skeleton} rows=${10} />`}
      ${status === "error" && html`
        <div class="state bad" role="alert">
          <p>${sentence(error)}</p>
          <button class="small quiet" onClick=${list.again}>Try again</button>
        </div>
      `}
      ${status === "ready" && count === 0 && !next && html`<div class="state">${empty}</div>`}
      ${next && status !== "error" && html`<${Sentinel} key=${pages.length} onVisible=${list.loadMore} />`}
    </div>
  `;
}

/** Is drawn again only if its items change or one of them is selected. */
function Page({ items, columns, link, selected, id }) {
  return useMemo(
    () => html`
      <div role="rowgroup" class="page" style=${{ containIntrinsicHeight: `auto ${items.length * ROW_REM}rem` }}>
        ${items.map((item, index) => html`
          <div role="row" key=${id(item) ?? index} class=${classes("tr", link && "clickable", id(item) === selected && "selected")}>
            ${columns.map(({ name, cell }, column) => html`
              <div role="cell" class="td ${name}">
                ${link && column === 0
                  ? html`<a class="row-link" href=${link(item)} data-id=${id(item)} aria-current=${id(item) === selected ? "true" : null}>${cell(item)}</a>`
                  : cell(item)}
              </div>
            `)}
          </div>
        `)}
      </div>
    `,
    [items, selected, columns],
  );
}

/** In place of rows that are loading, with their height. */
function Skeleton({ rows }) {
  return html`
    <div class="skeleton" role="status">
      <span class="hidden-text">Loading …</span>
      ${Array.from({ length: rows }, () => html`<div class="tr"><span></span><span></span><span></span></div>`)}
    </div>
  `;
}

/** At the end of the list: loads more before it becomes visible. */
function Sentinel({ onVisible }) {
  const element = useRef();
  const latest = useRef();
  latest.current = onVisible;
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && latest.current(), { rootMargin: "800px" });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return html`<div class="sentinel" ref=${element}><${Skeleton} rows=${2} /></div>`;
}

/** "12,345 users", "more than 10,000 users". */
export const count = (total, one) => (total ? `${total.is_exact ? "" : "more than "}${plural(total.count, one)}` : "");

/** "1 sign-in", "12,345 sign-ins". */
export const plural = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
