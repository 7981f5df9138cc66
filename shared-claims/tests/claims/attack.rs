//! A row of the attack tables, and how rows are judged.

use shared_claims::{AccessTokenValidator, TokenError};

/// What somebody sends, after which published attack or rule, and the refusal it must meet.
pub struct Attack {
    name: String,
    reference: &'static str,
    token: String,
    refusal: TokenError,
}

pub fn attack(
    name: impl Into<String>,
    reference: &'static str,
    token: impl Into<String>,
    refusal: TokenError,
) -> Attack {
    Attack { name: name.into(), reference, token: token.into(), refusal }
}

/// Every row must be refused, and for its own reason: refused by accident is not refused.
pub fn assert_all_refused(validator: &AccessTokenValidator, attacks: &[Attack]) {
    let surprises: Vec<String> = attacks
        .iter()
        .filter_map(|attack| {
            let outcome = validator.check::<serde_json::Map<_, _>>(&attack.token).map(|claims| claims.sub);
            let Attack { name, reference, refusal, .. } = attack;
            (outcome != Err(*refusal))
                .then(|| format!("{name} ({reference}): wanted {refusal:?}, got {outcome:?}"))
        })
        .collect();
    assert!(surprises.is_empty(), "\n{}", surprises.join("\n"));
}
