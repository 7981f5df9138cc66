//! When a token is valid: the leeways, and the comparison with the clock.

use chrono::{DateTime, Utc};

use crate::error::TokenError;

/// How long after `exp` a token still passes, for clocks that differ. Short, because it lengthens every theft.
pub const EXPIRY_LEEWAY_SECONDS: i64 = 5;
/// How far ahead of our clock an issuer's may be before its times are disbelieved.
pub const FUTURE_LEEWAY_SECONDS: i64 = 60;

/// # Errors
/// [`TokenError::Expired`] from `exp` plus leeway on: RFC 7519 §4.1.4 wants the present to be *before* it.
pub(crate) fn check_expiry(exp: i64, now: DateTime<Utc>) -> Result<(), TokenError> {
    if now.timestamp() < exp.saturating_add(EXPIRY_LEEWAY_SECONDS) {
        Ok(())
    } else {
        Err(TokenError::Expired)
    }
}

/// # Errors
/// [`TokenError::FromTheFuture`] if `claim`, which tells of something past, lies ahead of any honest clock.
pub(crate) fn check_past(claim: &'static str, time: i64, now: DateTime<Utc>) -> Result<(), TokenError> {
    if is_ahead(time, now) { Err(TokenError::FromTheFuture(claim)) } else { Ok(()) }
}

/// # Errors
/// [`TokenError::NotYetValid`] if `nbf` has not come (RFC 7519 §4.1.5).
pub(crate) fn check_not_before(nbf: Option<i64>, now: DateTime<Utc>) -> Result<(), TokenError> {
    if nbf.is_some_and(|nbf| is_ahead(nbf, now)) { Err(TokenError::NotYetValid) } else { Ok(()) }
}

fn is_ahead(time: i64, now: DateTime<Utc>) -> bool {
    time > now.timestamp().saturating_add(FUTURE_LEEWAY_SECONDS)
}
