// The ceremonies of WebAuthn, with options and credentials as JSON.
import { attempt, AuthError } from "./server.js";

/** Part of the lifetime of a challenge after which a conditional request gets a new one. */
const RENEW_AT = 0.8;
const LIFETIME_MS = 300_000;
/** Binary members of the options, and of the response of an authenticator. */
const BINARY = ["attestationObject", "authenticatorData", "clientDataJSON", "signature", "userHandle"];

/** Browsers allow one ceremony at a time. */
let running;

/** @returns the assertion. @throws {AuthError} `passkey_cancelled`, `passkey_timeout` for conditional requests */
export function getPasskey(options, { conditional, signal } = {}) {
  const publicKey = parsed("parseRequestOptionsFromJSON", options);
  const mediation = conditional ? "conditional" : undefined;
  return ceremony((signal) => navigator.credentials.get({ publicKey, mediation, signal }), options, signal, conditional);
}

/** @returns the new credential. @throws {AuthError} `passkey_exists`, `passkey_cancelled` */
export function createPasskey(options) {
  const publicKey = parsed("parseCreationOptionsFromJSON", options);
  return ceremony((signal) => navigator.credentials.create({ publicKey, signal }));
}

async function ceremony(run, { timeout = LIFETIME_MS } = {}, signal, isRenewed) {
  if (!globalThis.PublicKeyCredential) throw new AuthError({ code: "passkey_unsupported", detail: "This browser has no passkeys." });
  let code = "passkey_cancelled";
  // It must not end the ceremony for which it was aborted.
  if (signal?.aborted) throw new AuthError({ code, detail: "aborted" });
  running?.abort();
  const controller = (running = new AbortController());
  const abort = () => controller.abort();
  signal?.addEventListener("abort", abort);
  const timer = isRenewed && setTimeout(() => ((code = "passkey_timeout"), abort()), timeout * RENEW_AT);
  try {
    return toJSON(await run(controller.signal));
  } catch (cause) {
    if (cause.name === "InvalidStateError") code = "passkey_exists";
    throw new AuthError({ code, detail: cause.message }, { cause });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    if (running === controller) running = null;
  }
}

// Older browsers lack the conversions, and objects of password managers, too.

function parsed(name, options) {
  const native = attempt(() => PublicKeyCredential[name](options));
  if (native) return native;
  const withId = (credential) => ({ ...credential, id: decode(credential.id) });
  const { challenge, user, allowCredentials, excludeCredentials } = options;
  return {
    ...options,
    challenge: decode(challenge),
    user: user && withId(user),
    allowCredentials: allowCredentials?.map(withId),
    excludeCredentials: excludeCredentials?.map(withId),
  };
}

function toJSON(credential) {
  const native = attempt(() => credential.toJSON());
  if (native) return native;
  const { id, type, authenticatorAttachment, response } = credential;
  const binary = BINARY.filter((name) => response[name]).map((name) => [name, encode(response[name])]);
  return {
    id,
    rawId: id,
    type,
    authenticatorAttachment,
    response: { ...Object.fromEntries(binary), transports: response.getTransports?.() },
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
const encode = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

// What the server knows, for browsers that tidy their passkeys. https://www.w3.org/TR/webauthn-3/#sctn-signal-methods

export function signalUnknown(rpId, credentialId) {
  signal("UnknownCredential", { rpId, credentialId });
}

export function signalAccepted({ rp_id: rpId, passkey_ids: allAcceptedCredentialIds }, user) {
  if (!rpId || !user) return;
  const userId = encode(user.id.replace(/-/g, "").match(/../g).map((hex) => parseInt(hex, 16)));
  signal("AllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });
  signal("CurrentUserDetails", { rpId, userId, name: user.email, displayName: user.name ?? user.email });
}

const signal = (name, options) => attempt(() => PublicKeyCredential[`signal${name}`](options).catch(() => {}));
