//! The token in an `Authorization` header (RFC 6750 §2.1), and what to answer when it is not good.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::challenge::Challenge;
use super::problem::{Code, Problem};
use crate::error::TokenError;

/// The bearer token of a request, if it sends one. Another scheme is as good as none.
///
/// # Errors
/// `malformed_request` for two `Authorization` headers, since two readers could each believe another one;
/// `invalid_token` for `Bearer` with nothing, or with what cannot be a token.
pub fn bearer(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::new(Code::MalformedRequest)
            .detail("There is more than one Authorization header.")
            .challenge(Challenge::InvalidRequest));
    }
    let value = value.as_bytes();
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

/// What the caller is told of a refused token. Which rule it broke is for the log alone: to an attacker every
/// difference is a hint.
#[must_use]
pub fn token_problem(error: &TokenError) -> Problem {
    match error {
        TokenError::Expired => Problem::new(Code::TokenExpired).challenge(Challenge::InvalidToken),
        TokenError::NoKeys => {
            Problem::new(Code::Unavailable).detail("Tokens cannot be checked yet: there are no keys.")
        }
        TokenError::SessionEnded => Problem::new(Code::SessionEnded)
            .detail("The session has ended: log in again.")
            .challenge(Challenge::InvalidToken),
        TokenError::Stale => Problem::new(Code::TokenStale)
            .detail("The token is older than the last change of roles, password or status: refresh it.")
            .challenge(Challenge::InvalidToken),
        TokenError::RevocationsTooOld => Problem::new(Code::Unavailable)
            .detail("Tokens cannot be checked: nothing was heard of ended sessions for too long."),
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

/// Whether it can stand in the header: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
#[must_use]
pub fn is_bearer_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}
