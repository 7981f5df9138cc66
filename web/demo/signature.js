// Verifies access tokens in the page, as APIs do. For display only: an API must verify tokens itself.
const ALGORITHMS = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, "RSASSA-PKCS1-v1_5"],
  EdDSA: ["Ed25519", "Ed25519"],
};

/** The key set. Fetched again for an unknown key: keys are rotated. */
let keys = [];

/**
 * @param {string} token a JWT
 * @returns {Promise<{ isValid: boolean, alg: string, kid: string }>}
 * @throws {Error} if the signature cannot be verified here; the message is for users
 */
export async function verifySignature(token) {
  const [header, payload, signature] = token.split(".");
  const { alg, kid } = JSON.parse(new TextDecoder().decode(bytes(header)));
  if (!globalThis.crypto.subtle) throw new Error("This browser verifies signatures on HTTPS and localhost only.");
  if (!ALGORITHMS[alg]) throw new Error(`${alg} uses a shared secret, which the page does not have.`);
  const [importAs, verifyAs] = ALGORITHMS[alg];
  const key = await crypto.subtle.importKey("jwk", await findKey(kid), importAs, false, ["verify"]);
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  return { isValid: await crypto.subtle.verify(verifyAs, key, bytes(signature), signed), alg, kid };
}

/** A copy of the token with the role `admin` and the old signature. */
export function forge(token) {
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(new TextDecoder().decode(bytes(payload)));
  const forged = new TextEncoder().encode(JSON.stringify({ ...claims, roles: ["admin"] }));
  return `${header}.${base64url(forged)}.${signature}`;
}

async function findKey(kid) {
  const isWanted = (key) => key.kid === kid;
  if (!keys.some(isWanted)) {
    try {
      ({ keys } = await (await fetch("../.well-known/jwks.json")).json());
    } catch {
      throw new Error("The key set cannot be loaded.");
    }
  }
  const found = keys.find(isWanted);
  if (!found) throw new Error("The key set does not contain the key of this token.");
  return found;
}

function bytes(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
}

function base64url(array) {
  return btoa(String.fromCharCode(...array)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
