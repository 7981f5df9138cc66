// Authenticators that Chromium simulates: the domain `WebAuthn` of its debugging protocol.

/** A device that unlocks its passkeys, and stores them for itself. */
const PLATFORM = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
/** Passkeys that are synchronised between devices. */
export const SYNCED = { defaultBackupEligibility: true, defaultBackupState: true };
/** Old keys: they can neither store credentials nor verify the user. */
export const U2F = { protocol: "u2f", transport: "usb", hasResidentKey: false, hasUserVerification: false, isUserVerified: false };
export const PLAIN_KEY = { ...U2F, protocol: "ctap2" };

/** Connects an authenticator to the page, also after navigations. The user confirms at once, unless `touch` says otherwise. */
export async function addAuthenticator(page, options = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const all = { ...PLATFORM, automaticPresenceSimulation: true, ...options };
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options: all });
  const send = (method, more) => cdp.send(`WebAuthn.${method}`, { authenticatorId, ...more });
  const credentials = async () => (await send("getCredentials")).credentials;
  return {
    credentials,
    /** Whether the user touches it when it asks. */
    touch: (enabled) => send("setAutomaticPresenceSimulation", { enabled }),
    /** Whether the user's PIN or fingerprint is right. */
    verify: (isUserVerified) => send("setUserVerified", { isUserVerified }),
    /** Sets the counter back, as a copy of the credential would have it. */
    async rewind() {
      const [credential] = await credentials();
      await send("removeCredential", { credentialId: credential.credentialId });
      await send("addCredential", { credential: { ...credential, signCount: 0 } });
    },
  };
}
