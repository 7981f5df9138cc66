import { asCurl } from "./curl.js";
import { judge } from "./verdicts.js";

/** Simulates an outage for all requests of this page: none reaches the auth server. */
export const network = { isAuthServerCutOff: false };

/** Takes the requests to the other tabs with this page. Browsers block it in some pages. */
const channel = openChannel();
const listeners = new Set();
const tabId = newId();

if (channel) channel.onmessage = ({ data: { from, entry } }) => notify({ ...entry, tab: nameOfTab(from) });

/** Calls `listener` with each request of all tabs: when it is sent, and again when it is finished. */
export const onEntry = (listener) => listeners.add(listener);

/** A login as the recorded requests show it: the generations that the server has issued. */
export const newSession = () => ({ issued: new Set() });

/**
 * Creates a `fetch` that records each request. Entries contain no token, password or address.
 *
 * @param options.actor  who makes the requests; undefined for the page itself, whose requests other tabs show, too
 * @param options.session  what {@link newSession} returns
 * @param options.faults  `{ loseNextResponse }`: drops the next response after the auth server has sent it
 * @param options.onChange  receives each entry, as `onEntry` does
 */
export function recordedFetch({ actor, session = newSession(), faults = {}, onChange = () => {} } = {}) {
  if (!actor) onEntry(followOtherTabs);

  function followOtherTabs({ tab, after }) {
    if (!tab || after === undefined) return;
    if (after === 0) session.issued.clear();
    session.issued.add(after);
  }

  function report(entry) {
    notify(entry);
    onChange(entry);
    if (!actor) channel?.postMessage({ from: tabId, entry });
  }

  return async function fetch(input, init) {
    const request = input instanceof Request ? input : new Request(input, init);
    const entry = await describe(request.clone(), actor);
    const started = performance.now();
    const finish = (result) => {
      Object.assign(entry, { duration: Math.round(performance.now() - started), isPending: false }, result);
      report(entry);
    };
    report(entry);
    if (entry.isAuthServer && network.isAuthServerCutOff) {
      finish({ isCutOff: true, ...judge(entry, {}, session) });
      throw new TypeError("The auth server is cut off.");
    }
    try {
      const response = await globalThis.fetch(request);
      const { status } = response;
      const isLost = entry.isAuthServer && faults.loseNextResponse;
      faults.loseNextResponse &&= !isLost;
      finish({ status, isLost, ...judge(entry, { status, content: await json(response.clone()) }, session) });
      if (!isLost) return response;
    } catch (error) {
      if (entry.isPending) finish(judge(entry, {}, session));
      throw error;
    }
    throw new TypeError("The response was lost.");
  };
}

async function describe(request, actor) {
  const { origin, pathname } = new URL(request.url);
  // Behind a proxy, both servers can have the same origin.
  const isAuthServer = origin === location.origin && /^\/(auth|demo)\//.test(pathname);
  const text = await request.text();
  return {
    id: newId(),
    actor,
    at: Date.now(),
    method: request.method,
    path: pathname,
    isAuthServer,
    isPending: true,
    before: presentedGeneration(request, text),
    curl: asCurl(request, text),
  };
}

/** The generation of a refresh token in the request. Scripts cannot read the one in the cookie. */
function presentedGeneration(request, text) {
  const bearer = request.headers.get("Authorization")?.split(" ")[1];
  const token = bearer ?? (text.includes('"refresh_token"') ? JSON.parse(text).refresh_token : undefined);
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).gen;
  } catch {
    return undefined;
  }
}

async function json(response) {
  try {
    return JSON.parse(await response.text());
  } catch {
    return undefined;
  }
}

function notify(entry) {
  for (const listener of listeners) listener(entry);
}

function openChannel() {
  try {
    return new BroadcastChannel("latchkey-demo");
  } catch {
    return undefined;
  }
}

const tabs = [];

/** Other tabs are named in the order of their first request. */
function nameOfTab(id) {
  if (!tabs.includes(id)) tabs.push(id);
  return `Tab ${tabs.indexOf(id) + 2}`;
}

function newId() {
  return crypto.getRandomValues(new Uint32Array(2)).join("-");
}
