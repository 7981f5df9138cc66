//! JSON without duplicate members.
//!
//! Parsers disagree on which of two duplicates counts, so a check and its user can see different values (RFC 8259 §4,
//! RFC 7519 §4). serde alone takes the last one.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::map::{Entry, Map};

/// The prefix of names that `serde_json` treats as raw text and parses later, past these checks.
const SERDE_JSON_PRIVATE: &str = "$serde_json::private::";

/// Why a text is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    /// Not JSON, or nested deeper than 128 levels.
    #[error("not well-formed JSON")]
    Syntax,
    /// An object has this member twice.
    #[error("the member {0:?} occurs twice")]
    DuplicateMember(String),
    /// Well-formed, but not of the required type. Contains serde's message, which names the member and the type.
    #[error("{0}")]
    Data(String),
}

/// Parses `bytes` as one JSON value of type `T`. Rejects duplicate members at any depth.
///
/// # Errors
/// [`StrictJsonError`].
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StrictJsonError> {
    serde_json::from_value(value(bytes)?).map_err(|error| StrictJsonError::Data(error.to_string()))
}

/// Like [`from_slice`] for an object, without a second pass over its members.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, StrictJsonError> {
    match value(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(StrictJsonError::Data("not an object".to_owned())),
    }
}

fn value(bytes: &[u8]) -> Result<Value, StrictJsonError> {
    let duplicate = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { duplicate: &duplicate }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match (parsed, duplicate.take()) {
        (_, Some(member)) => Err(StrictJsonError::DuplicateMember(member)),
        (Err(_), None) => Err(StrictJsonError::Syntax),
        (Ok(value), None) => Ok(value),
    }
}

/// Builds a [`Value`] and stores the first duplicate member.
#[derive(Clone, Copy)]
struct Strict<'a> {
    duplicate: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.starts_with(SERDE_JSON_PRIVATE) {
                return Err(A::Error::custom("a name that serde_json reserves"));
            }
            match object.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(members.next_value_seed(self)?);
                }
                Entry::Occupied(first) => {
                    self.duplicate.replace(Some(first.key().clone()));
                    return Err(A::Error::custom("duplicate member"));
                }
            }
        }
        Ok(Value::Object(object))
    }
}
