//! Properties that hold for any input. Each function takes arbitrary bytes and panics if its property does not hold. The
//! expected results come from a second implementation of the rules, independent of the servers' code.
//!
//! The tests run them with proptest, and `fuzz/` runs them with libFuzzer, which is guided by coverage.

#![expect(clippy::missing_panics_doc, reason = "a property panics if it does not hold")]

pub mod access_tokens;
pub mod cbor;
pub mod cookies;
pub mod emails;
pub mod idempotency_keys;
pub mod json;
pub mod key_sets;
pub mod refresh_tokens;
mod token_parts;
pub mod webauthn_responses;

/// A property that proptest and fuzz targets run.
pub type Property = fn(&[u8]);

/// Every property with its name and its seeds: inputs that reach deep into the code.
#[must_use]
pub fn all() -> Vec<(&'static str, Property, Vec<Vec<u8>>)> {
    vec![
        ("access_tokens", access_tokens::check, access_tokens::seeds()),
        ("refresh_tokens", refresh_tokens::check, refresh_tokens::seeds()),
        ("key_sets", key_sets::check, key_sets::seeds()),
        ("json", json::check, json::seeds()),
        ("cookies", cookies::check, cookies::seeds()),
        ("emails", emails::check, emails::seeds()),
        ("idempotency_keys", idempotency_keys::check, idempotency_keys::seeds()),
        ("cbor", cbor::check, cbor::seeds()),
        ("webauthn_responses", webauthn_responses::check, webauthn_responses::seeds()),
    ]
}
