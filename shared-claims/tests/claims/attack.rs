//! The rows of the attack tables.

use shared_claims::claims::CustomClaims;
use shared_claims::{AccessTokenValidator, TokenError};

use crate::fixture::CACHE;

/// A token, the published attack or rule behind it, and the error that must reject it.
pub struct Attack {
    name: String,
    reference: &'static str,
    token: String,
    expected: TokenError,
}

pub fn attack(
    name: impl Into<String>,
    reference: &'static str,
    token: impl Into<String>,
    expected: TokenError,
) -> Attack {
    Attack { name: name.into(), reference, token: token.into(), expected }
}

/// Every row must be rejected with its own error, without a cache and twice with it. Another error is a failure too.
pub fn assert_all_rejected(validator: &AccessTokenValidator, attacks: &[Attack]) {
    let with_cache = validator.clone().with_cache(CACHE);
    for validator in [&validator.clone().with_cache(0), &with_cache, &with_cache] {
        assert_all_rejected_by(validator, attacks);
    }
}

fn assert_all_rejected_by(validator: &AccessTokenValidator, attacks: &[Attack]) {
    let failures: Vec<String> = attacks
        .iter()
        .filter_map(|attack| {
            let outcome = validator.check::<CustomClaims>(&attack.token).map(|claims| claims.sub.clone());
            let Attack { name, reference, expected, .. } = attack;
            (outcome != Err(*expected))
                .then(|| format!("{name} ({reference}): expected {expected:?}, got {outcome:?}"))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
