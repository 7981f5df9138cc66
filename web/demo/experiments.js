import { AuthError, createAuthClient } from "../client/auth.js";
import { element, errorText } from "./messages.js";
import { newSession, recordedFetch } from "./network.js";
import { SCENARIOS } from "./scenarios.js";
import { createSequence } from "./sequence.js";
import { apiUrl } from "./servers.js";

const SERVERS = ["Auth server", "API"];

const buttons = SCENARIOS.map((scenario) => {
  const item = document.createElement("li");
  const [button, text] = [document.createElement("button"), document.createElement("span")];
  Object.assign(button, { id: scenario.id, className: "quiet", textContent: scenario.title });
  text.textContent = scenario.text;
  button.addEventListener("click", () => run(scenario, button));
  item.append(button, text);
  element("experiment-list").append(item);
  return button;
});

/** Runs one experiment at a time. */
async function run({ title, lanes, run: runScenario }, button) {
  if (buttons.some((one) => one.ariaBusy === "true")) return;
  for (const one of buttons) one.classList.toggle("selected", one === button);
  button.ariaBusy = "true";
  showState(`${title}: running…`);
  const sequence = createSequence(element("sequence"), [...lanes, ...SERVERS]);
  const stage = createStage(sequence);
  try {
    showState(await runScenario(stage), "good");
  } catch (error) {
    showState(`${title}: stopped. ${error instanceof AuthError ? errorText(error) : error.message}`, "bad");
  } finally {
    await stage.cleanUp().catch(() => {});
    button.ariaBusy = "false";
  }
}

/** What a scenario uses. All requests are recorded and drawn, and send no cookies. */
function createStage({ draw, note }) {
  const session = newSession();
  const user = newUser();
  let client;
  let isRegistered = false;
  let isFinished = false;
  /** The clean-up is in the timeline only. */
  const drawEntry = (entry) => isFinished || draw(entry);

  /** Requests of one participant, who handles the refresh tokens itself. */
  function as(actor) {
    const fetch = recordedFetch({ actor, session, onChange: drawEntry });
    async function post(path, body) {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(path, { method: "POST", headers, credentials: "omit", body: JSON.stringify(body) });
      return { status: response.status, ...(await response.json()) };
    }
    const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` }, credentials: "omit" });
    return {
      post,
      refresh: (token) => post("/auth/refresh", { refresh_token: token }),
      call: (url, token) => fetch(url, bearer(token)),
      deleteUser: (token) => fetch("/auth/me", { method: "DELETE", ...bearer(token) }),
    };
  }

  /** Registers the user of this experiment. */
  async function open(actor) {
    const response = await as(actor).post("/auth/register", { ...user, token_delivery: "body" });
    if (response.code) throw new AuthError(response);
    requireUser(response);
    return response;
  }

  function requireUser({ continuation }) {
    if (continuation) {
      const detail = "Experiments register users of their own, which requires another EMAIL_VERIFICATION than required.";
      throw new AuthError({ code: "email_code_required", detail });
    }
    isRegistered = true;
  }

  /** Registers the user with a client, which renews and retries by itself. */
  async function openClient(actor) {
    const faults = {};
    const fetch = recordedFetch({ actor, session, faults, onChange: drawEntry });
    client = createAuthClient({ apiOrigins: [apiUrl], tokenDelivery: "body", fetch });
    requireUser(await client.register(user));
    return { client, faults };
  }

  /** Deletes the user, whose session may have ended. */
  async function cleanUp() {
    isFinished = true;
    if (!isRegistered) return;
    const { email, password } = user;
    const cleaner = as("Clean-up");
    await client?.logout();
    const { refresh_token: token } = await cleaner.post("/auth/login", { email, password, token_delivery: "body" });
    await cleaner.deleteUser(token);
  }

  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  return { as, open, openClient, cleanUp, note, wait, showState };
}

function newUser() {
  const random = () => crypto.getRandomValues(new Uint32Array(3)).join("-");
  return { name: "Experiment", email: `experiment-${random()}@example.org`, password: random() };
}

function showState(text, kind = "") {
  element("experiment-state").textContent = text;
  element("experiment-state").className = `notice ${kind}`;
}
