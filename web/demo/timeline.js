import { copy, element } from "./messages.js";
import { onEntry } from "./network.js";
import { describeGenerations } from "./verdicts.js";

const MAX_ENTRIES = 100;
const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

const log = element("timeline-log");
const list = element("timeline-list");
/** The items by the id of their entry. */
const items = new Map();

onEntry(show);
element("timeline-clear").addEventListener("click", clear);

function show(entry) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  let item = items.get(entry.id);
  if (!item) {
    item = element("entry-item").content.firstElementChild.cloneNode(true);
    items.set(entry.id, item);
    list.append(item);
    if (items.size > MAX_ENTRIES) remove(items.keys().next().value);
  }
  const part = (name) => item.querySelector(`[data-part=${name}]`);
  const { method, path, actor, tab, at, status, duration, verdict, kind, isPending, isLost, isCutOff } = entry;
  part("request").textContent = `${method} ${path}`;
  const took = isPending ? "" : ` · ${duration} ms`;
  part("facts").textContent = `${actor ?? tab ?? "This tab"} · ${time.format(at)}${took}`;
  const note = isLost ? `Response lost, after: ${verdict}` : isCutOff ? "Not sent: auth server cut off" : verdict;
  part("verdict").textContent = isPending ? "Waiting" : [status, note].filter(Boolean).join(" · ");
  part("verdict").className = `badge ${isLost ? "bad" : (kind ?? "")}`;
  part("generation").textContent = isPending ? "" : describeGenerations(entry);
  part("curl").ariaLabel = `Copy as curl: ${method} ${path}`;
  part("curl").onclick = () => copy(entry.curl);
  showEmpty(false);
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function clear() {
  for (const id of [...items.keys()]) remove(id);
  showEmpty(true);
  element("timeline-title").focus();
}

function remove(id) {
  items.get(id).remove();
  items.delete(id);
}

function showEmpty(isEmpty) {
  element("timeline-empty").hidden = !isEmpty;
  log.hidden = isEmpty;
  element("timeline-clear").hidden = isEmpty;
}
