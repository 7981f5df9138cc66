//! Passwords: hashing on a bounded pool, formats of stored hashes, and the throttle for wrong ones.

mod hasher;
mod hashing_memory;
mod hashing_pool;
mod keyed_semaphore;
mod normalization;
mod stored_hash;
mod strength;
mod throttle;

pub use hasher::{Argon2Settings, Check, NewPasswordError, PasswordHasher};
pub use hashing_pool::QueueFull;
pub use keyed_semaphore::{KeyedPermit, KeyedSemaphore};
pub use normalization::is_same_password;
pub use stored_hash::{FLASK_SECURITY, StoredHash};
pub use strength::WeakPassword;
pub use throttle::{
    AdmittedAttempt, FAILURE_RETENTION, KNOWN_ORIGIN_RETENTION, Throttle, ThrottleError, TooManyFailures,
    check_failures_in_a_row, remember_origin,
};
