// Lists of a section: pages, an empty list, a failed call.
import { sentence } from "../errors.js";
import { onClick } from "../form.js";

/**
 * @template Item
 * @param {HTMLElement} section
 * @param {(cursor?: string) => Promise<{ items: Item[], next_cursor?: string }>} load  one page
 * @param {(item: Item) => HTMLElement} show
 */
export function pagedList(section, load, show) {
  const part = (name) => section.querySelector(`.${name}`);
  const [list, empty, failed, more] = ["items", "empty", "failed", "more"].map(part);
  const again = failed.querySelector(".again");
  let next;

  async function add(cursor) {
    const page = await load(cursor);
    const rows = page.items.map(show);
    if (cursor) list.append(...rows);
    else list.replaceChildren(...rows);
    next = page.next_cursor;
    more.hidden = !next;
    empty.hidden = list.childElementCount > 0;
    failed.hidden = true;
    return rows;
  }

  function fail(error, isList = true) {
    if (error.code === "session_ended" || error.code === "missing_token") return;
    failed.querySelector("p").textContent = sentence(error);
    again.hidden = !isList;
    failed.hidden = false;
  }

  onClick(more, async () => (await add(next))[0]?.querySelector("button")?.focus(), fail);
  onClick(again, () => add(), fail);
  return {
    /** Loads the first page again. Never rejects: the section shows what failed. */
    reload: () => add().catch(fail),
    /** Runs an action of the section when the user clicks the button. Its failure is shown until the next one. */
    act: (button, action) =>
      onClick(button, () => ((failed.hidden = true), action()), (error) => fail(error, false)),
    get size() {
      return list.childElementCount;
    },
  };
}

/** A copy of a template, and its parts by name. */
export function copy(id) {
  const row = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = [...row.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]);
  return { row, ...Object.fromEntries(parts) };
}
