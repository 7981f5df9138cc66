//! Passwords: hashing, verification, throttling and change.

pub mod change;
mod hasher;
mod hashing_memory;
mod hashing_pool;
mod keyed_semaphore;
mod stored_hash;
pub mod throttle;
pub mod verification;

pub use hasher::{Argon2Settings, Passwords, WeakPassword};
pub use hashing_pool::QueueFull;
pub use stored_hash::{FLASK_SECURITY, StoredHash};
pub use throttle::{Throttle, TooManyFailures};
