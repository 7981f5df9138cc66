use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::passwords::QueueFull;
use crate::domain::passwords::hashing_memory::HashingMemory;
use crate::domain::passwords::hashing_pool::{HashSlot, HashingPool};
use crate::domain::passwords::normalization::normalize;
use crate::domain::passwords::stored_hash::StoredHash;
use crate::domain::passwords::strength::{Strength, WeakPassword, check_strength, judge_strength};
use crate::model::PasswordHash;

/// Hashes and checks passwords with argon2id (RFC 9106), on its own threads. Every password is normalised first.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    pool: HashingPool,
    /// `FLASK_SECURITY_PASSWORD_SALT`, for imported hashes.
    flask_salt: Option<SecretString>,
    /// Checked for unknown users, so that the response takes as long as for a wrong password.
    dummy: Arc<PasswordHash>,
}

#[derive(Clone, Copy, Debug)]
pub struct Argon2Settings {
    /// `ARGON2_MEMORY_KIB`
    pub memory_kib: u32,
    /// `ARGON2_ITERATIONS`
    pub iterations: u32,
    /// `ARGON2_PARALLELISM`
    pub parallelism: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Correct,
    /// Correct, but the hash was made with other settings, by another system, or before passwords were normalised.
    CorrectButOutdated,
    /// Wrong, or there is no user.
    Wrong,
}

#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    #[error("the password {0}")]
    Weak(#[from] WeakPassword),
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
}

impl PasswordHasher {
    /// Starts the threads. Fails with one line if argon2 does not support the settings.
    pub fn new(
        settings: Argon2Settings,
        flask_salt: Option<SecretString>,
        threads: usize,
    ) -> Result<Self, String> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|error| format!("ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_PARALLELISM: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = HashingMemory::random_hash(&argon2).map_err(|error| error.to_string())?;
        let dummy = PasswordHash(dummy.to_string().into());
        Ok(Self { argon2, pool: HashingPool::start(threads), flask_salt, dummy: Arc::new(dummy) })
    }

    /// The threads, for metrics.
    pub fn pool(&self) -> &HashingPool {
        &self.pool
    }

    /// Reserves a slot in the queue.
    pub fn reserve(&self) -> Result<HashSlot, QueueFull> {
        self.pool.reserve()
    }

    /// Checks a password against a user's hash, or against a dummy if there is no user.
    pub async fn check(
        &self,
        slot: HashSlot,
        password: SecretString,
        stored: Option<PasswordHash>,
    ) -> Result<Check, QueueFull> {
        let (argon2, dummy) = (self.argon2.clone(), Arc::clone(&self.dummy));
        let flask_salt = self.flask_salt.clone();
        slot.run(move |memory| {
            let hash = stored.as_ref().unwrap_or(&dummy);
            let check = check_normalized(&argon2, &password, hash, flask_salt.as_ref(), memory);
            if stored.is_some() { check } else { Check::Wrong }
        })
        .await
    }

    /// A hash that no password matches, and that takes as long to verify as any other.
    pub fn hash_of_no_password(&self) -> PasswordHash {
        let hash = HashingMemory::random_hash(&self.argon2).expect("random bytes");
        PasswordHash(hash.to_string().into())
    }

    /// Hashes a password that a user has already: its strength is not checked.
    pub async fn hash(&self, password: SecretString) -> Result<PasswordHash, QueueFull> {
        let argon2 = self.argon2.clone();
        self.pool.reserve()?.run(move |memory| hash(&argon2, &normalize(&password), memory)).await
    }

    /// Hashes recovery codes with the salt of their user. Unlike passwords they are compared by their hashes, so the costs never
    /// change: those that OWASP recommends for argon2id.
    pub async fn hash_recovery_codes(
        &self,
        codes: Vec<SecretString>,
        salt: Vec<u8>,
    ) -> Result<Vec<[u8; 32]>, QueueFull> {
        let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("valid costs");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = move |memory: &mut HashingMemory| {
            let hash = |code: &SecretString| memory.raw_hash(&argon2, code.expose_secret().as_bytes(), &salt);
            codes.iter().map(hash).collect()
        };
        self.pool.reserve()?.run(hash).await
    }

    /// Hashes a new password, unless it is weak. `words` are those that a guesser would try first.
    pub async fn hash_new(
        &self,
        password: SecretString,
        words: Vec<String>,
    ) -> Result<PasswordHash, NewPasswordError> {
        let argon2 = self.argon2.clone();
        let hash = move |memory: &mut HashingMemory| {
            let password = normalize(&password);
            check_strength(password.expose_secret(), &words)?;
            Ok(hash(&argon2, &password, memory))
        };
        self.pool.run_new(hash).await?
    }

    /// How hard a password is to guess. Takes its turn among the new passwords.
    pub async fn judge(&self, password: SecretString, words: Vec<String>) -> Result<Strength, QueueFull> {
        let judge = move |_: &mut HashingMemory| judge_strength(normalize(&password).expose_secret(), &words);
        self.pool.run_new(judge).await
    }
}

fn hash(argon2: &Argon2<'_>, password: &SecretString, memory: &mut HashingMemory) -> PasswordHash {
    let hash = memory.hash(argon2, password.expose_secret().as_bytes()).expect("argon2 hashes up to 4 GiB");
    PasswordHash(hash.to_string().into())
}

/// Checks the normalised password. If that is wrong and the user typed another form, checks that too: the hash may be from
/// before passwords were normalised, or of another system.
fn check_normalized(
    argon2: &Argon2<'_>,
    typed: &SecretString,
    stored: &PasswordHash,
    flask_salt: Option<&SecretString>,
    memory: &mut HashingMemory,
) -> Check {
    let normalized = normalize(typed);
    let first = check(argon2, &normalized, stored, flask_salt, memory);
    if first != Check::Wrong || normalized.expose_secret() == typed.expose_secret() {
        return first;
    }
    match check(argon2, typed, stored, flask_salt, memory) {
        Check::Wrong => Check::Wrong,
        Check::Correct | Check::CorrectButOutdated => Check::CorrectButOutdated,
    }
}

fn check(
    argon2: &Argon2<'_>,
    password: &SecretString,
    stored: &PasswordHash,
    flask_salt: Option<&SecretString>,
    memory: &mut HashingMemory,
) -> Check {
    match StoredHash::parse(stored.0.expose_secret()) {
        Some(stored) if !stored.verify(password, flask_salt, memory) => Check::Wrong,
        Some(stored) if stored.is_current(argon2.params()) => Check::Correct,
        Some(_) => Check::CorrectButOutdated,
        None => Check::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use crate::domain::passwords::hasher::{Argon2Settings, PasswordHasher};
    use crate::domain::passwords::stored_hash::StoredHash;

    #[test]
    fn the_dummy_takes_as_long_to_verify_as_a_hash() {
        let settings = Argon2Settings { memory_kib: 9216, iterations: 4, parallelism: 1 };
        let hasher = PasswordHasher::new(settings, None, 1).unwrap();
        let dummy = StoredHash::parse(hasher.dummy.0.expose_secret()).expect("a hash that can be verified");
        assert!(dummy.is_current(hasher.argon2.params()));
    }
}
