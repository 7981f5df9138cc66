import { createAuthClient } from "./client/auth.js";
import { describeBody, example, members } from "./schema.js";
import { append, byId, create, text } from "./elements.js";

const METHODS = ["get", "post", "patch", "put", "delete"];
const SHOWN_HEADERS = ["content-type", "retry-after", "www-authenticate", "allow", "x-request-id"];

const [settings, spec] = await Promise.all(["docs/settings.json", "openapi.json"].map(load));
/** The session of the page: the same as on all pages of this origin. */
const auth = createAuthClient({ authUrl: settings.auth_url ?? location.origin, apiOrigins: [location.origin] });

document.title = `${spec.info.title}: API reference`;
byId("title").textContent = spec.info.title;
byId("introduction").replaceChildren(...text(spec.info.description ?? ""));
byId("use-session").addEventListener("click", useSession);
byId("filter").addEventListener("input", filter);
auth.subscribe(showSession);
addEventListener("hashchange", openLinked);
showGroups();
showSession();
// Only now: the page must not move while it loads.
byId("content").hidden = false;
openLinked();

async function load(url) {
  try {
    return await (await fetch(url)).json();
  } catch (error) {
    byId("introduction").textContent = "The API reference cannot be loaded. Reload the page.";
    byId("introduction").className = "bad";
    throw error;
  }
}

/** Shows who is signed in. */
function showSession() {
  const { status, user } = auth.state;
  byId("use-session").hidden = status !== "signed-out";
  const texts = {
    loading: "Looking for your session…",
    offline: "The auth server cannot be reached.",
    "signed-in": `Signed in as ${user?.email}. “Send” uses this session.`,
    "signed-out": settings.auth_url ? `Not signed in at ${settings.auth_url}.` : "Not signed in.",
  };
  showMessage(texts[status], status === "offline");
}

/** Continues the session of the browser's cookie. This page may be on another origin than the one that signed in. */
async function useSession() {
  try {
    if ((await auth.refreshAccess()) === null) showMessage("This browser has no session. Sign in first.", true);
  } catch (error) {
    showMessage(error.message, true);
  }
}

function showMessage(message, isError = false) {
  byId("session-text").textContent = message;
  byId("session-text").classList.toggle("bad", isError);
}

function showGroups() {
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })),
  );
  const tags = spec.tags ?? [{ name: undefined, description: "Calls" }];
  for (const { name, description } of tags) {
    const group = create("section", {}, create("h2", {}, ...text(description)));
    const own = operations.filter((operation) => operation.tags?.includes(name) || name === undefined);
    append(group, ...own.map(showOperation));
    byId("groups").append(group);
  }
  byId("groups").ariaBusy = "false";
}

function showOperation(operation) {
  const { path, method, summary = "", operationId } = operation;
  const name = create("code", {}, create("span", { className: "method" }, method.toUpperCase()), path);
  const title = create("summary", {}, name, create("span", {}, ...text(summary)));
  const details = create("details", { className: "operation", id: operationId }, title);
  details.dataset.text = `${method} ${path} ${summary} ${operationId}`.toLowerCase();
  // Most are never opened.
  details.addEventListener("toggle", () => append(details, showContent(operation)), { once: true });
  return details;
}

function showContent(operation) {
  const { description, parameters = [], requestBody, responses } = operation;
  const content = create("div");
  if (description) append(content, ...description.split("\n\n").map((part) => create("p", {}, ...text(part))));
  append(content, create("p", { className: "hint" }, "Access: ", describeAccess(operation)));
  if (parameters.length > 0) {
    const rows = parameters.map((one) => [one.name, one.in, one.required, one.description ?? ""]);
    append(content, table("Parameters", ["Name", "In", "Description"], rows));
  }
  if (requestBody) append(content, table("Body", ["Member", "Type", "Description"], members(spec, requestBody)));
  append(content, showTry(operation), create("h3", {}, "Responses"));
  for (const [status, response] of Object.entries(responses)) append(content, ...showResponse(status, response));
  return content;
}

function describeAccess({ security = [] }) {
  const names = security.flatMap(Object.keys);
  const words = {
    refresh_cookie: "session (refresh cookie)",
    refresh_token: "refresh token as bearer",
    access_token: "access token as bearer",
    access_cookie: "access token in its cookie",
    feed_token: "token of the revocation feed as bearer",
  };
  const isOptional = names.length === 0 || security.some((one) => Object.keys(one).length === 0);
  const alternatives = names.map((name) => words[name] ?? name).join(", or ");
  if (names.length === 0) return "public";
  return isOptional ? `public; optional: ${alternatives}` : alternatives;
}

/** @param rows  each a name, a type, whether it is required, and a description */
function table(caption, headings, rows) {
  const head = create("thead", {}, create("tr", {}, ...headings.map((name) => create("th", { scope: "col" }, name))));
  const body = rows.map(([name, type, isRequired, description]) =>
    create(
      "tr",
      {},
      create("th", { scope: "row" }, create("code", {}, name), isRequired ? " *" : ""),
      create("td", { className: "hint" }, type),
      create("td", {}, ...text(description)),
    ),
  );
  const title = create("caption", { className: "hint" }, `${caption} (* required)`);
  return create("table", { className: "members" }, title, head, create("tbody", {}, ...body));
}

function showResponse(status, { description, content = {} }) {
  const [kind] = Object.keys(content);
  const codes = Object.keys(content["application/problem+json"]?.examples ?? {});
  const links = codes.flatMap((code) => [create("a", { href: `docs/errors#${code}` }, code), " "]);
  const shown = [create("p", {}, create("strong", {}, status), " ", ...text(description))];
  if (links.length > 0) shown.push(create("p", { className: "hint" }, "What to do: ", ...links));
  const value = kind && codes.length === 0 ? example(content[kind]) : undefined;
  if (value !== undefined) shown.push(pre(pretty(value), `Example of the response ${status}`));
  return shown;
}

function showTry(operation) {
  const { parameters = [], requestBody, security = [] } = operation;
  const form = create("form", { className: "try" }, create("h3", {}, "Try it"));
  for (const { name, in: place, required, schema = {} } of parameters) {
    const input = create("input", { name: `${place}:${name}`, required: Boolean(required), autocomplete: "off" });
    if (schema.example !== undefined) input.placeholder = schema.example;
    append(form, create("label", {}, create("span", {}, create("code", {}, name), ` (${place})`), input));
  }
  if (security.flatMap(Object.keys).some((name) => name.endsWith("_token"))) {
    const input = create("input", { name: "token", autocomplete: "off", spellcheck: false });
    append(form, create("label", {}, "Bearer token, instead of the session of this page", input));
  }
  if (requestBody) {
    const value = pretty(describeBody(requestBody));
    const input = create("textarea", { name: "body", rows: Math.min(12, value.split("\n").length + 1), spellcheck: false, value });
    append(form, create("label", {}, "Body", input));
  }
  const curl = pre("", "As curl");
  const output = pre("", "Response");
  output.hidden = true;
  output.ariaLive = "polite";
  const button = create("button", {}, "Send");
  append(form, create("div", { className: "actions" }, button), output, curl);
  const showCurl = () => (curl.textContent = asCurl(prepare(form, operation), operation));
  form.addEventListener("input", showCurl);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = "Waiting for the response…";
    output.textContent = await send(prepare(form, operation), operation);
  });
  showCurl();
  return form;
}

/** The request of the form: `{ url, method, headers, body, token }`. */
function prepare(form, { path, method }) {
  const headers = {};
  const url = new URL(location.origin);
  let filled = path;
  for (const { name, value } of form.elements) {
    const [place, key] = name.split(/:(.*)/);
    if (place === "path") filled = filled.replace(`{${key}}`, encodeURIComponent(value));
    if (place === "query" && value) url.searchParams.set(key, value);
    if (place === "header" && value) headers[key] = value;
  }
  url.pathname = filled;
  const body = form.elements.body?.value.trim() || undefined;
  if (body) headers["Content-Type"] = "application/json";
  return { url: url.href, method: method.toUpperCase(), headers, body, token: form.elements.token?.value.trim() };
}

async function send({ url, method, headers, body, token }, operation) {
  const names = (operation.security ?? []).flatMap(Object.keys);
  const usesSession = !token && auth.state.status === "signed-in" && names.includes("access_token") && !names.includes("refresh_cookie");
  const init = { method, headers, body, credentials: token ? "omit" : "same-origin" };
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const response = usesSession ? await auth.authFetch(url, init) : await fetch(url, init);
    const content = await response.text();
    // A login, a refresh or a logout has replaced the tokens of the page.
    if (method !== "GET" && operation.tags?.includes("session")) await auth.refreshAccess().catch(() => {});
    const lines = SHOWN_HEADERS.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
    return [`${response.status} ${response.statusText}`, ...lines, "", prettyText(content)].join("\n").trim();
  } catch (error) {
    return `No response: ${error.message}`;
  }
}

function asCurl({ url, method, headers, body, token }, { security = [] }) {
  const quote = (value) => `'${value.replaceAll("'", String.raw`'\''`)}'`;
  const names = security.flatMap(Object.keys);
  const parts = [`curl -X ${method} ${quote(url)}`];
  if (!token && names.includes("refresh_cookie")) parts.push("-b jar -c jar");
  // A variable, so that the copied command contains no token.
  else if (token || names.includes("access_token") || names.includes("feed_token")) parts.push('-H "Authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  if (body) parts.push(`-d ${quote(body)}`);
  return parts.join(" \\\n  ");
}

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/);
  for (const section of byId("groups").children) {
    const operations = [...section.querySelectorAll(".operation")];
    for (const one of operations) one.hidden = !words.every((word) => one.dataset.text.includes(word));
    section.hidden = operations.every((one) => one.hidden);
  }
  byId("nothing-found").hidden = [...byId("groups").children].some((section) => !section.hidden);
}

/** `/docs#log_in` opens that operation. */
function openLinked() {
  const linked = document.getElementById(location.hash.slice(1));
  if (!linked?.classList.contains("operation")) return;
  linked.open = true;
  linked.scrollIntoView();
}

/** A region, because it can be scrolled with the keyboard. */
const pre = (content, label) => create("pre", { tabIndex: 0, role: "region", ariaLabel: label }, content);
const pretty = (value) => JSON.stringify(value, null, 2);

function prettyText(content) {
  try {
    return pretty(JSON.parse(content));
  } catch {
    return content;
  }
}
