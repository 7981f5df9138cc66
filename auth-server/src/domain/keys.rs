//! Signing keys of access tokens: created, published, rotated and retired. Private keys are stored encrypted.

pub mod admin;
mod encryption;
mod key_pairs;
mod key_ring;
mod schedule;
mod signer;

pub use encryption::KeyEncryption;
pub use key_pairs::{KeyError, KeyPairs};
pub use key_ring::{KeyRing, KeySource};
pub use schedule::KeySchedule;
#[cfg(feature = "testing")]
pub use signer::generate;
pub use signer::{Signer, UnusableKey};
