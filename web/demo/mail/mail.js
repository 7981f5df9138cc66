import { decodeWords, parse } from "./message.js";

/** Milliseconds between two looks at the folder. */
const PAUSE = 2000;
const element = (id) => document.getElementById(id);

let shown = "";

addEventListener("hashchange", showSelected);
element("show-html").addEventListener("click", () => showFormat("html"));
element("show-text").addEventListener("click", () => showFormat("text"));
update();

async function update() {
  try {
    const response = await fetch("/demo/mail/messages");
    if (!response.ok) throw new Error(`status ${response.status}`);
    list(await response.json());
    element("status").textContent = "";
    await showSelected();
  } catch {
    element("status").textContent = "The auth server cannot be reached.";
  }
  setTimeout(update, PAUSE);
}

function list({ items }) {
  element("empty").hidden = items.length > 0;
  const rows = items.map((item) => {
    const link = document.createElement("a");
    link.href = `#${item.name}`;
    if (item.name === selected()) link.setAttribute("aria-current", "true");
    const subject = document.createElement("strong");
    subject.textContent = decodeWords(item.subject);
    const to = document.createElement("span");
    to.textContent = `${item.to} · ${new Date(item.date).toLocaleTimeString()}`;
    link.append(subject, to);
    const row = document.createElement("li");
    row.append(link);
    return row;
  });
  // Replacing an unchanged list would take the focus away.
  const draft = document.createElement("ul");
  draft.append(...rows);
  if (draft.innerHTML !== element("list").innerHTML) element("list").replaceChildren(...rows);
}

function selected() {
  return decodeURIComponent(location.hash.slice(1));
}

async function showSelected() {
  const name = selected();
  for (const link of element("list").querySelectorAll("a")) {
    link.toggleAttribute("aria-current", link.hash === location.hash);
  }
  if (!name || name === shown) return;
  const response = await fetch(`/demo/mail/messages/${encodeURIComponent(name)}`);
  if (!response.ok) return;
  shown = name;
  const mail = parse(await response.text());
  for (const part of ["subject", "from", "to"]) element(part).textContent = mail[part];
  element("date").textContent = new Date(mail.date).toLocaleString();
  element("html").srcdoc = `<base target="_blank">${mail.html}`;
  element("text").replaceChildren(...withLinks(mail.text));
  element("mail").hidden = false;
  element("subject").focus({ preventScroll: true });
}

function showFormat(format) {
  for (const name of ["html", "text"]) {
    element(name).hidden = name !== format;
    element(`show-${name}`).setAttribute("aria-pressed", String(name === format));
  }
}

/** The text as nodes, its URLs as links. */
function withLinks(text) {
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part, index) => {
    if (index % 2 === 0) return part;
    const link = document.createElement("a");
    link.href = part;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = part;
    return link;
  });
}
