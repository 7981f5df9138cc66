//! Takes the claims out of a payload. Each has one JSON type, and an error names the claim for the log.

use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::strict_json::{self, StrictJsonError};

/// 9999-12-31T23:59:59Z, the latest time that every date library can represent.
const LAST_TIME: i64 = 253_402_300_799;
/// From 2^53 on, readers that use floating-point numbers confuse integers (RFC 8259 §6).
const FIRST_INEXACT: u64 = 1 << 53;

/// The claims that were not taken yet.
pub(crate) struct Payload(Map<String, Value>);

/// What is wrong with a claim.
pub(crate) enum Fault {
    Mistyped,
    OutOfRange,
}

impl Payload {
    /// An object without duplicate members.
    pub fn parse(json: &[u8]) -> Result<Self, TokenError> {
        strict_json::object(json).map(Self).map_err(|error| match error {
            StrictJsonError::DuplicateMember(_) => TokenError::DuplicateMember,
            StrictJsonError::Syntax | StrictJsonError::Data(_) => TokenError::MalformedPayload,
        })
    }

    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Result<T, TokenError> {
        self.optional(name, read)?.ok_or(TokenError::MissingClaim(name))
    }

    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Result<Option<T>, TokenError> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        read(value).map(Some).map_err(|fault| match fault {
            Fault::Mistyped => TokenError::MistypedClaim(name),
            Fault::OutOfRange => TokenError::ImplausibleClaim(name),
        })
    }

    /// The claims that are left.
    pub fn rest(self) -> Map<String, Value> {
        // A map that was emptied keeps a node.
        if self.0.is_empty() { Map::new() } else { self.0 }
    }
}

/// A string, which can be empty.
pub(crate) fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Fault::Mistyped),
    }
}

pub(crate) fn non_empty(value: Value) -> Result<String, Fault> {
    text(value).and_then(|text| if text.is_empty() { Err(Fault::Mistyped) } else { Ok(text) })
}

pub(crate) fn texts(value: Value) -> Result<Vec<String>, Fault> {
    let Value::Array(elements) = value else { return Err(Fault::Mistyped) };
    // `collect` would keep the larger memory of the elements.
    let mut list = Vec::with_capacity(elements.len());
    for element in elements {
        list.push(text(element)?);
    }
    Ok(list)
}

/// Whole seconds since 1970. RFC 7519 §2 allows fractions; the auth server never writes them.
#[expect(clippy::needless_pass_by_value, reason = "all readers have the same form")]
pub(crate) fn time(value: Value) -> Result<i64, Fault> {
    let time = i64::try_from(integer(&value)?).map_err(|_| Fault::OutOfRange)?;
    if time <= LAST_TIME { Ok(time) } else { Err(Fault::OutOfRange) }
}

/// An integer from 0 to below 2^53.
#[expect(clippy::needless_pass_by_value, reason = "all readers have the same form")]
pub(crate) fn count<T: TryFrom<u64>>(value: Value) -> Result<T, Fault> {
    let count = integer(&value)?;
    if count < FIRST_INEXACT {
        T::try_from(count).map_err(|_| Fault::OutOfRange)
    } else {
        Err(Fault::OutOfRange)
    }
}

/// A negative integer is out of range, any other number has the wrong type.
fn integer(value: &Value) -> Result<u64, Fault> {
    value.as_u64().ok_or(if value.is_i64() { Fault::OutOfRange } else { Fault::Mistyped })
}
