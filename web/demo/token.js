import { explainClaims } from "./claims.js";
import { element } from "./messages.js";
import { auth } from "./servers.js";
import { forge, verifySignature } from "./signature.js";

const TICK_MS = 250;

/** The token shown: `{ receivedAt, lifetime }`, in milliseconds. */
let shown = null;
let renewals = 0;

auth.on("signed-in", showToken);
auth.on("renewed", () => {
  if (shown) renewals += 1;
  return showToken();
});
element("forge").addEventListener("click", verifyForgedCopy);
setInterval(tick, TICK_MS);

/** Removes everything about the last session. */
export function clearToken() {
  shown = null;
  renewals = 0;
  element("claims").replaceChildren();
  showContent(false);
}

async function showToken() {
  const claims = auth.claims();
  shown = { receivedAt: Date.now(), lifetime: (claims.exp - claims.iat) * 1000 };
  tick();
  element("claims").replaceChildren(...explainClaims(claims).map(row));
  element("forge-result").textContent = "";
  showContent(true);
  await showSignature(await auth.accessToken());
}

function row({ name, value, text }) {
  const code = (content) => Object.assign(document.createElement("code"), { textContent: content });
  const [group, term, valueCell, textCell] = ["div", "dt", "dd", "dd"].map((tag) => document.createElement(tag));
  term.append(code(name));
  valueCell.append(code(value));
  textCell.append(...text.split("`").map((part, index) => (index % 2 === 1 ? code(part) : part)));
  textCell.className = "hint";
  group.append(term, valueCell, textCell);
  return group;
}

async function showSignature(token) {
  const [badge, text] = ["signature-state", "signature-text"].map(element);
  try {
    const { isValid, alg, kid } = await verifySignature(token);
    badge.textContent = isValid ? "Signature verified" : "Signature invalid";
    badge.className = `badge ${isValid ? "good" : "bad"}`;
    text.textContent = `This page has verified the ${alg} signature with the public key ${kid.slice(0, 8)}… of the key set, as every API does.`;
  } catch (error) {
    badge.textContent = "Not verified";
    badge.className = "badge warn";
    text.textContent = error.message;
  }
}

async function verifyForgedCopy() {
  const result = element("forge-result");
  try {
    const { isValid } = await verifySignature(forge(await auth.accessToken()));
    result.textContent = isValid ? "Accepted." : "Rejected: with the role admin added, the signature does not fit.";
  } catch (error) {
    result.textContent = error.message;
  }
}

function showContent(hasToken) {
  element("token-empty").hidden = hasToken;
  element("token-content").hidden = !hasToken;
  element("signature-state").hidden = !hasToken;
}

/** Shows the remaining lifetime of the token. */
function tick() {
  const left = shown ? Math.max(0, shown.receivedAt + shown.lifetime - Date.now()) : 0;
  element("token-bar").max = shown?.lifetime ?? 1;
  element("token-bar").value = left;
  element("token-left").textContent = !shown ? "none yet" : left > 0 ? `${Math.ceil(left / 1000)} s left` : "expired";
  element("renewals").textContent = `Renewed ${renewals} ${renewals === 1 ? "time" : "times"} since the page was loaded.`;
}
