//! Challenges that the service recognises without having stored them.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hmac, rand};

use crate::error::Error;

/// How long a challenge is valid.
pub const CHALLENGE_SECONDS: u64 = 300;
/// The length of a challenge.
pub const CHALLENGE_BYTES: usize = NONCE_BYTES + UNTIL_BYTES + TAG_BYTES;

const NONCE_BYTES: usize = 16;
const UNTIL_BYTES: usize = 8;
/// 192 bits of HMAC-SHA-256: forging one is harder than forging a signature by P-256.
const TAG_BYTES: usize = 24;

/// What a challenge is for. One that was issued for a purpose is invalid for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Register a passkey, which requires user verification.
    AddPasskey = 1,
    /// Register a security key.
    AddSecurityKey = 2,
    /// Log in with a passkey alone.
    Login = 3,
    /// Complete a login that began with another factor.
    SecondFactor = 4,
    /// Prove again who uses the session.
    Reauthenticate = 5,
}

/// Issues and checks challenges: a nonce, the time until which the challenge is valid (seconds, big endian), and a tag
/// over the purpose, both of these, and the session or the login that the challenge is bound to.
pub struct Challenges {
    key: hmac::Key,
}

impl Challenges {
    /// With a key that serves nothing else. All servers need the same.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// A new challenge. `binding` names the session or the login, and is empty if there is none. `now` is in seconds since
    /// 1970.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn issue(
        &self,
        purpose: Purpose,
        binding: &[u8],
        now: u64,
    ) -> Result<[u8; CHALLENGE_BYTES], aws_lc_rs::error::Unspecified> {
        let mut challenge = [0; CHALLENGE_BYTES];
        rand::fill(&mut challenge[..NONCE_BYTES])?;
        let until = now.saturating_add(CHALLENGE_SECONDS);
        challenge[NONCE_BYTES..][..UNTIL_BYTES].copy_from_slice(&until.to_be_bytes());
        let tag = self.tag(purpose, &challenge[..NONCE_BYTES + UNTIL_BYTES], binding);
        challenge[NONCE_BYTES + UNTIL_BYTES..].copy_from_slice(&tag.as_ref()[..TAG_BYTES]);
        Ok(challenge)
    }

    /// Checks a challenge, in constant time where secrets matter. The caller must also refuse challenges that succeeded
    /// before.
    ///
    /// # Errors
    /// The challenge was not issued with this key, for this purpose and binding, or has expired.
    pub fn check(&self, challenge: &[u8], purpose: Purpose, binding: &[u8], now: u64) -> Result<(), Error> {
        let challenge: &[u8; CHALLENGE_BYTES] = challenge.try_into().map_err(|_| Error::UnknownChallenge)?;
        let (signed, tag) = challenge.split_at(NONCE_BYTES + UNTIL_BYTES);
        let expected = self.tag(purpose, signed, binding);
        verify_slices_are_equal(&expected.as_ref()[..TAG_BYTES], tag).map_err(|_| Error::UnknownChallenge)?;
        let mut until = [0; UNTIL_BYTES];
        until.copy_from_slice(&signed[NONCE_BYTES..]);
        if now < u64::from_be_bytes(until) { Ok(()) } else { Err(Error::ExpiredChallenge) }
    }

    /// Only the last part has no fixed length, so that no two inputs have the same bytes.
    fn tag(&self, purpose: Purpose, signed: &[u8], binding: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[purpose as u8]);
        context.update(signed);
        context.update(binding);
        context.sign()
    }
}
