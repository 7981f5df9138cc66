import { network } from "./network.js";
import { apiUrl } from "./servers.js";

const PROTECTED = `${apiUrl}/protected`;
const OUTAGE_S = 20;
/** How often the page calls the API during the outage. */
const CALL_EVERY_S = 6;
/** Until the revocation feed has reached the API. */
const FEED_MS = 1_000;

/**
 * The experiments. `run` receives what `experiments.js` prepares: `{ openClient, open, as, note, wait }`.
 * Participants are in `lanes`, before the two servers.
 */
export const SCENARIOS = [
  {
    id: "lose-response",
    title: "Lose the next response",
    text: "The auth server rotates the refresh token, but the browser never receives the new one.",
    lanes: ["Browser"],
    run: loseResponse,
  },
  {
    id: "replay-token",
    title: "Replay a spent token",
    text: "A thief, with a session of its own, uses a copied refresh token that has been rotated twice.",
    lanes: ["Browser", "Thief"],
    run: replayToken,
  },
  {
    id: "two-tabs",
    title: "Two tabs at once",
    text: "Two tabs send the same refresh token at the same moment, as browsers without Web Locks do.",
    lanes: ["Tab A", "Tab B"],
    run: refreshTwice,
  },
  {
    id: "cut-off",
    title: `Cut off the auth server for ${OUTAGE_S} s`,
    text: "No request of this page reaches the auth server. API calls continue, and the client retries.",
    lanes: ["Browser"],
    run: cutOff,
  },
];

async function loseResponse({ openClient, note }) {
  const { client, faults } = await openClient("Browser");
  faults.loseNextResponse = true;
  const renewed = nextEvent(client, "renewed");
  note("The next response is lost on its way.");
  await client.refreshAccess().catch(() => {});
  note("The client retries by itself, with the same Idempotency-Key.");
  await renewed;
  await client.authFetch(PROTECTED);
  return "The retry got the same successor. The session continues.";
}

async function replayToken({ open, as, note, wait }) {
  const { refresh_token: stolen } = await open("Browser");
  note("The thief copies the refresh token of generation 0.");
  const browser = as("Browser");
  const first = await browser.refresh(stolen);
  const second = await browser.refresh(first.refresh_token);
  await as("Thief").refresh(stolen);
  note("The server revokes the session, for both of them.");
  await browser.refresh(second.refresh_token);
  await wait(FEED_MS);
  const response = await browser.call(PROTECTED, second.access_token);
  return response.ok
    ? "The session has ended. This API follows no revocation feed, so it accepts the access token until it expires."
    : "The session has ended for the thief and the browser. The API rejects its access token, too.";
}

async function refreshTwice({ open, as, note }) {
  const { refresh_token: shared } = await open("Tab A");
  note("Both tabs send the token of generation 0 at the same moment.");
  const tabs = [as("Tab A"), as("Tab B")];
  const tokens = await Promise.all(tabs.map((tab) => tab.refresh(shared)));
  await Promise.all(tabs.map((tab, index) => tab.call(PROTECTED, tokens[index].access_token)));
  await tabs[1].refresh(tokens[1].refresh_token);
  return "One rotation. Both tabs got the same successor and stay signed in.";
}

async function cutOff({ openClient, note, wait, showState }) {
  const { client } = await openClient("Browser");
  network.isAuthServerCutOff = true;
  note(`For ${OUTAGE_S} seconds no request reaches the auth server.`);
  try {
    await client.refreshAccess().catch(() => {});
    for (let left = OUTAGE_S; left > 0; left -= CALL_EVERY_S) {
      await client.authFetch(PROTECTED);
      for (let second = 0; second < Math.min(CALL_EVERY_S, left); second += 1) {
        showState(`The auth server is cut off: ${left - second} s left.`);
        await wait(1_000);
      }
    }
  } finally {
    network.isAuthServerCutOff = false;
  }
  note("The auth server can be reached again. The client retries by itself.");
  showState("Waiting for the next retry…");
  await nextEvent(client, "renewed");
  return "API calls never failed, and the session continues.";
}

function nextEvent(client, type) {
  return new Promise((resolve) => {
    const stop = client.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}
