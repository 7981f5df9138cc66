import { confirmPassword } from "./confirmation.js";
import { asCurl } from "./curl.js";
import { copy, element, runAction } from "./messages.js";
import { apiUrl, auth } from "./servers.js";

const EMPTY = "No call yet.";

/** The command for the response shown. */
let curl = "";

element("api-url").textContent = apiUrl;
element("response-curl").addEventListener("click", () => copy(curl));
for (const button of document.querySelectorAll("[data-call]")) {
  const { call: path, method = "GET" } = button.dataset;
  button.addEventListener("click", () => runAction(button, () => callApi(method, path)));
}

/** Removes the response: it belongs to the last user. */
export function clearResponse() {
  curl = "";
  element("response").textContent = EMPTY;
  element("response-curl").hidden = true;
}

async function callApi(method, path) {
  const content = await request(method, path);
  if (content?.code === "fresh_login_required" && (await confirmPassword())) await request(method, path);
}

/** Calls the API, shows the response and returns its JSON content. */
async function request(method, path) {
  show(`${method} ${path}\nWaiting for the response…`);
  const headers = auth.state.user ? { Authorization: "Bearer" } : {};
  curl = asCurl(new Request(apiUrl + path, { method, headers, credentials: "omit" }));
  let response, text;
  try {
    response = await auth.authFetch(apiUrl + path, { method });
    text = await response.text();
  } catch (error) {
    show(`${method} ${path}\nNo response.`);
    throw error;
  }
  const content = parseJson(text);
  const body = content === undefined ? text : JSON.stringify(content, null, 2);
  show(`${response.status} ${method} ${path}\n${body}`);
  return content;
}

function show(text) {
  element("response").textContent = text;
  element("response").scrollTop = 0;
  element("response-curl").hidden = false;
}

/** Returns undefined if the text is not JSON. */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
