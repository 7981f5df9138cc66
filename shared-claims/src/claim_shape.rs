//! Which claims a token must have, and of which JSON type: checked by name, so that the log can say which was wrong.

use serde_json::{Map, Value};

use crate::error::TokenError;

/// 9999-12-31T23:59:59Z, the last moment that every date library can say.
const LAST_TIME: i64 = 253_402_300_799;
/// The first integer that a reader with only floating-point numbers can confuse with another (RFC 8259 §6).
const FIRST_INEXACT: u64 = 1 << 53;

/// One claim and what it must look like.
pub(crate) struct Claim {
    name: &'static str,
    kind: Kind,
    required: bool,
}

enum Kind {
    /// A string, possibly empty.
    Text,
    /// A string that names something, hence not empty.
    Name,
    /// An array of strings.
    Texts,
    /// A string or an array of strings.
    TextOrTexts,
    /// Whole seconds since 1970. RFC 7519 §2 would allow fractions; we never write them.
    Time,
    /// A whole number from 0 to below 2^53.
    Count,
}

/// RFC 9068 §2.2 and our own.
pub(crate) const ACCESS: &[Claim] = &[
    required("iss", Kind::Name),
    required("sub", Kind::Name),
    required("aud", Kind::TextOrTexts),
    required("client_id", Kind::Name),
    required("iat", Kind::Time),
    required("exp", Kind::Time),
    required("jti", Kind::Name),
    required("type", Kind::Name),
    required("sid", Kind::Name),
    required("uv", Kind::Count),
    required("auth_time", Kind::Time),
    required("amr", Kind::Texts),
    required("roles", Kind::Texts),
    required("name", Kind::Text),
    optional("nbf", Kind::Time),
    optional("csrf", Kind::Name),
];

/// A refresh token's.
pub(crate) const REFRESH: &[Claim] = &[
    required("iss", Kind::Name),
    required("aud", Kind::TextOrTexts),
    required("sub", Kind::Name),
    required("sid", Kind::Name),
    required("gen", Kind::Count),
    required("sk", Kind::Name),
    required("jti", Kind::Name),
    required("type", Kind::Name),
    required("iat", Kind::Time),
    required("exp", Kind::Time),
    optional("nbf", Kind::Time),
];

/// Checks each claim in turn.
///
/// # Errors
/// The first one that is missing, of the wrong type or out of range.
pub(crate) fn check(payload: &Map<String, Value>, claims: &[Claim]) -> Result<(), TokenError> {
    for claim in claims {
        match payload.get(claim.name) {
            Some(value) => claim.check(value)?,
            None if claim.required => return Err(TokenError::MissingClaim(claim.name)),
            None => {}
        }
    }
    Ok(())
}

impl Claim {
    fn check(&self, value: &Value) -> Result<(), TokenError> {
        let fits = match self.kind {
            Kind::Text => value.is_string(),
            Kind::Name => is_name(value),
            Kind::Texts => is_texts(value),
            Kind::TextOrTexts => value.is_string() || is_texts(value),
            Kind::Time => {
                return self.check_integer(value, |time| i64::try_from(time).is_ok_and(|t| t <= LAST_TIME));
            }
            Kind::Count => return self.check_integer(value, |count| count < FIRST_INEXACT),
        };
        if fits { Ok(()) } else { Err(TokenError::MistypedClaim(self.name)) }
    }

    fn check_integer(&self, value: &Value, in_range: impl Fn(u64) -> bool) -> Result<(), TokenError> {
        match (value.as_u64(), value.as_i64()) {
            (Some(number), _) if in_range(number) => Ok(()),
            (Some(_), _) | (None, Some(_)) => Err(TokenError::ImplausibleClaim(self.name)),
            (None, None) => Err(TokenError::MistypedClaim(self.name)),
        }
    }
}

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|elements| elements.iter().all(Value::is_string))
}

const fn required(name: &'static str, kind: Kind) -> Claim {
    Claim { name, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Claim {
    Claim { name, kind, required: false }
}
