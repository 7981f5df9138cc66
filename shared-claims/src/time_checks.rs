//! Checks of a token's times against the clock, with their leeways.

use chrono::{DateTime, Utc};

use crate::error::TokenError;

/// How long after `exp` a token is still accepted, because clocks differ. Short, because it also extends the use of a
/// stolen token.
pub const EXPIRY_LEEWAY_SECONDS: i64 = 5;
/// How far the issuer's clock may be ahead of ours.
pub const FUTURE_LEEWAY_SECONDS: i64 = 60;

/// RFC 7519 §4.1.4: the current time must be *before* `exp`, plus the leeway.
pub(crate) fn check_expiry(exp: i64, now: DateTime<Utc>) -> Result<(), TokenError> {
    if now.timestamp() < exp.saturating_add(EXPIRY_LEEWAY_SECONDS) {
        Ok(())
    } else {
        Err(TokenError::Expired)
    }
}

/// For a claim about a past event, such as `iat`.
pub(crate) fn check_past(claim: &'static str, time: i64, now: DateTime<Utc>) -> Result<(), TokenError> {
    if is_ahead(time, now) { Err(TokenError::FromTheFuture(claim)) } else { Ok(()) }
}

/// RFC 7519 §4.1.5.
pub(crate) fn check_not_before(nbf: Option<i64>, now: DateTime<Utc>) -> Result<(), TokenError> {
    if nbf.is_some_and(|nbf| is_ahead(nbf, now)) { Err(TokenError::NotYetValid) } else { Ok(()) }
}

fn is_ahead(time: i64, now: DateTime<Utc>) -> bool {
    time > now.timestamp().saturating_add(FUTURE_LEEWAY_SECONDS)
}
