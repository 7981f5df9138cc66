//! Domain types made from settings, for the server and the commands.

use std::time::Duration;

use chrono::TimeDelta;
use shared_claims::Algorithm;

use crate::domain::keys::{KeyEncryption, KeyPairs, KeySchedule};
use crate::domain::passwords::Argon2Settings;
use crate::domain::tokens::ProofTokens;
use crate::settings::{Settings, risks, secrets};

impl Settings {
    pub(crate) fn argon2(&self) -> Result<Argon2Settings, String> {
        risks::check_argon2(self.argon2_memory_kib, self.argon2_iterations)?;
        Ok(Argon2Settings {
            memory_kib: self.argon2_memory_kib,
            iterations: self.argon2_iterations,
            parallelism: self.argon2_parallelism,
        })
    }

    pub(crate) fn key_schedule(&self) -> KeySchedule {
        KeySchedule {
            algorithm: self.jwt_access_algorithm,
            rotation: span(self.signing_key_rotation),
            token_life: span(self.access_token_ttl),
        }
    }

    /// What links are derived from, for commands that require no other secrets.
    pub(crate) fn proof_tokens(&self) -> Result<ProofTokens, String> {
        let (secret, previous) = secrets::key_encryption(self)?;
        Ok(ProofTokens::new(Some(&secret), previous.as_ref()))
    }

    /// For the secrets of authenticator apps, if `KEY_ENCRYPTION_SECRET` is set and valid.
    pub(crate) fn totp_encryption(&self) -> Option<KeyEncryption> {
        let (secret, previous) = secrets::key_encryption(self).ok()?;
        Some(KeyEncryption::of_totp_secrets(&secret, previous.as_ref()))
    }

    /// The key pairs, without the other secrets that only a server requires.
    pub(crate) fn key_pairs(&self) -> Result<KeyPairs, String> {
        if self.jwt_access_algorithm == Algorithm::Hs256 {
            return Err("JWT_ACCESS_ALGORITHM is HS256, which has no key pairs".to_owned());
        }
        let (secret, previous) = secrets::key_encryption(self)?;
        let encryption = KeyEncryption::of_private_keys(&secret, previous.as_ref());
        Ok(KeyPairs::new(encryption, self.key_schedule()))
    }
}

/// Settings are at most ten years long.
pub(crate) fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
