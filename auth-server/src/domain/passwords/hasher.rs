use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use zxcvbn::Score;

use crate::domain::passwords::QueueFull;
use crate::domain::passwords::hashing_memory::HashingMemory;
use crate::domain::passwords::hashing_pool::{HashSlot, HashingPool};
use crate::domain::passwords::stored_hash::StoredHash;
use crate::model::PasswordHash;

/// What zxcvbn gives no text of 8 characters, however random: the score that is wanted. Whoever tries should be told.
const MIN_CHARS: usize = 9;
const MAX_CHARS: usize = 128;
/// "Safely unguessable: moderate protection from offline slow-hash scenario", in zxcvbn's words.
const MIN_SCORE: Score = Score::Three;

/// Hashes and checks passwords with argon2id (RFC 9106), on threads of its own.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    pool: HashingPool,
    /// What the hashes of people who came from Flask-Security cannot be checked without.
    flask_salt: Option<SecretString>,
    /// Checked where there is no such person, so that the answer takes as long as for a wrong password.
    stand_in: Arc<PasswordHash>,
}

/// Cost of a hash.
#[derive(Clone, Copy, Debug)]
pub struct Argon2Settings {
    /// `ARGON2_MEMORY_KIB`
    pub memory_kib: u32,
    /// `ARGON2_ITERATIONS`
    pub iterations: u32,
    /// `ARGON2_PARALLELISM`
    pub parallelism: u32,
}

/// What checking a password told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It fits.
    Right,
    /// It fits, but its hash was made with other settings than today's, or by another system.
    RightButOutdated,
    /// It does not fit, or there is nobody whom it could fit.
    Wrong,
}

/// Why a password is not good enough, worded for the person who chose it.
#[derive(Debug, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than 9 characters.
    #[error("must be at least 9 characters long")]
    TooShort,
    /// More than 128 characters.
    #[error("must be at most 128 characters long")]
    TooLong,
    /// What zxcvbn says of it.
    #[error("is too easy to guess{0}")]
    Guessable(String),
}

impl Passwords {
    /// Starts the threads, and hashes the stand-in.
    ///
    /// # Errors
    /// The settings are beyond what argon2 allows.
    pub fn new(
        settings: Argon2Settings,
        flask_salt: Option<SecretString>,
        threads: usize,
    ) -> Result<Self, String> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|error| format!("ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_PARALLELISM: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let stand_in =
            Arc::new(hash(&argon2, &"nobody has this password".into(), &mut HashingMemory::default()));
        Ok(Self { argon2, pool: HashingPool::start(threads), flask_salt, stand_in })
    }

    /// Where they are hashed, for operators.
    pub(crate) fn pool(&self) -> &HashingPool {
        &self.pool
    }

    /// A slot among those whose password is hashed next.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn reserve(&self) -> Result<HashSlot, QueueFull> {
        self.pool.reserve()
    }

    /// Checks a password against a person's hash, or against the stand-in.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub async fn check(
        &self,
        slot: HashSlot,
        password: SecretString,
        stored: Option<PasswordHash>,
    ) -> Result<Check, QueueFull> {
        let (argon2, stand_in) = (self.argon2.clone(), Arc::clone(&self.stand_in));
        let flask_salt = self.flask_salt.clone();
        slot.run(move |memory| {
            if let Some(stored) = stored {
                return check(&argon2, &password, &stored, flask_salt.as_ref(), memory);
            }
            check(&argon2, &password, &stand_in, None, memory);
            Check::Wrong
        })
        .await
    }

    /// Hashes a password that is known to be somebody's already.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub async fn hash(&self, password: SecretString) -> Result<PasswordHash, QueueFull> {
        let argon2 = self.argon2.clone();
        self.pool.reserve()?.run(move |memory| hash(&argon2, &password, memory)).await
    }

    /// Hashes a new password, unless it is weak. `words` are those that a guesser would try first.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub async fn hash_if_strong(
        &self,
        password: SecretString,
        words: Vec<String>,
    ) -> Result<Result<PasswordHash, WeakPassword>, QueueFull> {
        let argon2 = self.argon2.clone();
        self.pool
            .reserve()?
            .run(move |memory| {
                judge(password.expose_secret(), &words)?;
                Ok(hash(&argon2, &password, memory))
            })
            .await
    }
}

fn hash(argon2: &Argon2<'_>, password: &SecretString, memory: &mut HashingMemory) -> PasswordHash {
    let hash = memory.hash(argon2, password.expose_secret().as_bytes()).expect("argon2 hashes up to 4 GiB");
    PasswordHash(hash.to_string().into())
}

fn check(
    argon2: &Argon2<'_>,
    password: &SecretString,
    stored: &PasswordHash,
    flask_salt: Option<&SecretString>,
    memory: &mut HashingMemory,
) -> Check {
    match StoredHash::parse(stored.0.expose_secret()) {
        Some(stored) if !stored.fits(password, flask_salt, memory) => Check::Wrong,
        Some(stored) if stored.is_ours_with(argon2.params()) => Check::Right,
        Some(_) => Check::RightButOutdated,
        None => Check::Wrong,
    }
}

fn judge(password: &str, words: &[String]) -> Result<(), WeakPassword> {
    let length = password.chars().count();
    if length < MIN_CHARS {
        return Err(WeakPassword::TooShort);
    }
    if length > MAX_CHARS {
        return Err(WeakPassword::TooLong);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let entropy = zxcvbn::zxcvbn(password, &words);
    if entropy.score() >= MIN_SCORE {
        return Ok(());
    }
    let warning = entropy.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    Err(WeakPassword::Guessable(warning.map_or_else(String::new, |warning| format!(": {warning}"))))
}
