//! The token in the `Authorization` header (RFC 6750 §2.1), and the response to an invalid one.

use super::challenge::Challenge;
use super::problem::{Code, Problem};
use super::request_head::RequestHead;
use crate::error::TokenError;

/// The bearer token of a request. `None` without an `Authorization` header, or with another scheme.
///
/// # Errors
/// `malformed_request` for two `Authorization` headers, because two readers could each use a different one.
/// `invalid_token` for `Bearer` without a token or with invalid characters.
pub fn bearer(request: &impl RequestHead) -> Result<Option<&str>, Problem> {
    let mut values = request.header_values("authorization");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::new(Code::MalformedRequest)
            .detail("There is more than one Authorization header.")
            .challenge(Challenge::InvalidRequest));
    }
    let scheme_end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_end);
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(None);
    }
    match std::str::from_utf8(rest).map(|rest| rest.trim_start_matches(' ')) {
        Ok(token) if is_bearer_token(token) => Ok(Some(token)),
        _ => Err(invalid_token()),
    }
}

/// The response to a rejected token. It does not name the broken rule, which would help an attacker.
#[must_use]
pub fn token_problem(error: &TokenError) -> Problem {
    match error {
        TokenError::Expired => Problem::new(Code::TokenExpired).challenge(Challenge::InvalidToken),
        TokenError::NoKeys => {
            Problem::new(Code::Unavailable).detail("Tokens cannot be validated yet: no keys are available.")
        }
        TokenError::SessionEnded => Problem::new(Code::SessionEnded)
            .detail("The session has ended: log in again.")
            .challenge(Challenge::InvalidToken),
        TokenError::Stale => Problem::new(Code::TokenStale)
            .detail("The token is older than the last change of roles, password or status: refresh it.")
            .challenge(Challenge::InvalidToken),
        TokenError::NoRevocations => Problem::new(Code::Unavailable)
            .detail("Tokens cannot be validated yet: the revocation list has not been received."),
        TokenError::RevocationsTooOld => Problem::new(Code::Unavailable)
            .detail("Tokens cannot be validated: the revocation list is too old."),
        TokenError::TooLong
        | TokenError::NotCompact
        | TokenError::NotBase64Url
        | TokenError::MalformedHeader
        | TokenError::MalformedPayload
        | TokenError::DuplicateMember
        | TokenError::CriticalHeader
        | TokenError::UnknownAlgorithm
        | TokenError::AlgorithmNotAllowed
        | TokenError::AlgorithmMismatch
        | TokenError::WrongTyp
        | TokenError::MissingKeyId
        | TokenError::UnknownKey
        | TokenError::BadSignature
        | TokenError::MissingClaim(_)
        | TokenError::MistypedClaim(_)
        | TokenError::ImplausibleClaim(_)
        | TokenError::WrongIssuer
        | TokenError::WrongAudience
        | TokenError::WrongTokenType
        | TokenError::FromTheFuture(_)
        | TokenError::NotYetValid
        | TokenError::RetiredKey
        | TokenError::CustomClaims => invalid_token(),
    }
}

fn invalid_token() -> Problem {
    Problem::new(Code::InvalidToken).challenge(Challenge::InvalidToken)
}

/// Whether `text` is a `b64token`: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
#[must_use]
pub fn is_bearer_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    // Without an early exit, the compiler checks many bytes at a time.
    !body.is_empty() && body.bytes().fold(true, |all, byte| all & is_token_byte(byte))
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}
