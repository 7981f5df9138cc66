//! What holds whatever comes in. Each of these functions takes any bytes and panics where a promise is broken; what
//! ought to come out is said a second time here, in other words than the servers' own.
//!
//! The ordinary tests drive them with proptest, and `fuzz/` with libFuzzer, which learns from the coverage.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a property says that it does not hold")]

pub mod access_tokens;
pub mod cookies;
pub mod emails;
pub mod idempotency_keys;
pub mod json;
pub mod key_sets;
pub mod refresh_tokens;
mod token_parts;

/// A property, as those who drive it take it.
pub type Property = fn(&[u8]);

/// Every property by its name, with inputs to start from that reach far.
#[must_use]
pub fn all() -> Vec<(&'static str, Property, Vec<Vec<u8>>)> {
    vec![
        ("access_tokens", access_tokens::hold, access_tokens::seeds()),
        ("refresh_tokens", refresh_tokens::hold, refresh_tokens::seeds()),
        ("key_sets", key_sets::hold, key_sets::seeds()),
        ("json", json::hold, json::seeds()),
        ("cookies", cookies::hold, cookies::seeds()),
        ("emails", emails::hold, emails::seeds()),
        ("idempotency_keys", idempotency_keys::hold, idempotency_keys::seeds()),
    ]
}
