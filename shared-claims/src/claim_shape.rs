//! The claims that a token must have, with their JSON types. Each is checked by name, so that the log can name the
//! offending claim.

use serde_json::{Map, Value};

use crate::error::TokenError;

/// 9999-12-31T23:59:59Z, the latest time that every date library can represent.
const LAST_TIME: i64 = 253_402_300_799;
/// From 2^53 on, readers that use floating-point numbers confuse integers (RFC 8259 §6).
const FIRST_INEXACT: u64 = 1 << 53;

pub(crate) struct Claim {
    name: &'static str,
    kind: Kind,
    required: bool,
}

enum Kind {
    /// A string, which can be empty.
    Text,
    /// A string that is not empty.
    NonEmpty,
    /// An array of strings.
    TextList,
    /// A string or an array of strings.
    TextOrList,
    /// Whole seconds since 1970. RFC 7519 §2 allows fractions; the auth server never writes them.
    Time,
    /// An integer from 0 to below 2^53.
    Count,
}

/// The claims of RFC 9068 §2.2 and those of Latchkey.
pub(crate) const ACCESS: &[Claim] = &[
    required("iss", Kind::NonEmpty),
    required("sub", Kind::NonEmpty),
    required("aud", Kind::TextOrList),
    required("client_id", Kind::NonEmpty),
    required("iat", Kind::Time),
    required("exp", Kind::Time),
    required("jti", Kind::NonEmpty),
    required("type", Kind::NonEmpty),
    required("sid", Kind::NonEmpty),
    required("uv", Kind::Count),
    required("auth_time", Kind::Time),
    required("amr", Kind::TextList),
    required("roles", Kind::TextList),
    required("name", Kind::Text),
    optional("acr", Kind::Text),
    optional("nbf", Kind::Time),
    optional("csrf", Kind::NonEmpty),
];

pub(crate) const REFRESH: &[Claim] = &[
    required("iss", Kind::NonEmpty),
    required("aud", Kind::TextOrList),
    required("sub", Kind::NonEmpty),
    required("sid", Kind::NonEmpty),
    required("gen", Kind::Count),
    required("sk", Kind::NonEmpty),
    required("jti", Kind::NonEmpty),
    required("type", Kind::NonEmpty),
    required("iat", Kind::Time),
    required("exp", Kind::Time),
    optional("auth_time", Kind::Time),
    optional("amr", Kind::TextList),
    optional("nbf", Kind::Time),
];

/// Checks each claim in turn, and reports the first one that is missing, mistyped or out of range.
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
            Kind::NonEmpty => is_non_empty(value),
            Kind::TextList => is_text_list(value),
            Kind::TextOrList => value.is_string() || is_text_list(value),
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

fn is_non_empty(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_text_list(value: &Value) -> bool {
    value.as_array().is_some_and(|elements| elements.iter().all(Value::is_string))
}

const fn required(name: &'static str, kind: Kind) -> Claim {
    Claim { name, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Claim {
    Claim { name, kind, required: false }
}
