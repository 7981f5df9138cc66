import { describeGenerations } from "./verdicts.js";

/**
 * Draws requests between participants, from top to bottom.
 *
 * @param container  an element that scrolls
 * @param {string[]} lanes  the participants; the last two are the auth server and the API
 */
export function createSequence(container, lanes) {
  const steps = create("ol", "steps");
  const drawing = create("div", "sequence", names(), lifelines(), steps);
  drawing.style.setProperty("--lanes", lanes.length);
  container.replaceChildren(drawing);
  /** The request and the response of each entry, by its id. */
  const drawn = new Map();

  function names() {
    const row = create("div", "lanes", ...lanes.map((name) => create("span", "", name)));
    row.ariaHidden = "true";
    return row;
  }

  function lifelines() {
    const lines = create("div", "lifelines", ...lanes.map(() => create("span", "")));
    lines.ariaHidden = "true";
    return lines;
  }

  function add(step) {
    const isAtEnd = container.scrollHeight - container.scrollTop - container.clientHeight < 80;
    steps.append(step);
    if (isAtEnd) container.scrollTop = container.scrollHeight;
  }

  /** An arrow between the middles of two lanes. With `isLost` it ends halfway. */
  function arrow(from, to, text, { kind = "", isLost = false, isResponse = false }) {
    const spoken = create("span", "spoken", `${lanes[from]} to ${lanes[to]}: `);
    const label = create("span", `label ${kind}`, text);
    const line = create("span", ["arrow", from < to ? "right" : "left", isLost && "lost", isResponse && "response"].filter(Boolean).join(" "));
    // Each lane has two columns, so that its middle is a grid line.
    const [start, end] = [from, to].map((lane) => 2 * lane + 2).sort((one, other) => one - other);
    label.style.gridColumn = `${start} / ${end}`;
    const middle = (start + end) / 2;
    line.style.gridColumn = !isLost ? `${start} / ${end}` : from < to ? `${start} / ${middle}` : `${middle} / ${end}`;
    if (isLost) line.append(create("span", "cross", "✕"));
    return create("li", "step", spoken, label, line);
  }

  /** Draws an entry of the recorded requests: its request, and later its response. */
  function draw(entry) {
    const { id, actor, isAuthServer, method, path, isPending, isCutOff, isLost, status, verdict, kind } = entry;
    const from = lanes.indexOf(actor);
    const to = lanes.length - (isAuthServer ? 2 : 1);
    if (from < 0) return;
    const request = (isLost) => arrow(from, to, `${method} ${path}`, { isLost, kind: isLost ? "bad" : "" });
    if (!drawn.has(id)) {
      drawn.set(id, request(false));
      add(drawn.get(id));
    }
    if (isPending) return;
    if (isCutOff) {
      drawn.get(id).replaceWith(request(true));
      return;
    }
    const text = [status ?? "", verdict, describeGenerations(entry), isLost && "lost"].filter(Boolean).join(" · ");
    add(arrow(to, from, text, { isLost, isResponse: true, kind: isLost ? "bad" : kind }));
  }

  /** Adds a line of text between the requests. */
  const note = (text) => add(create("li", "note", text));

  return { draw, note };
}

function create(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}
