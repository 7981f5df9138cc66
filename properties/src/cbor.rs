//! CBOR is accepted exactly in the form that authenticators send. The second implementation is ciborium, which accepts more.

use ciborium::Value as Other;
use webauthn::cbor::{self, MAX_ENTRIES, Value};

/// Levels of arrays and maps.
const MAX_DEPTH: usize = 4;

/// The input is accepted if and only if ciborium reads it, writes the same bytes again (shortest form, nothing after the
/// end), and nothing in it is a tag, a float, a duplicate key, too deep or too large. The values are the same.
pub fn check(data: &[u8]) {
    let found = cbor::decode(data).ok();
    let expected = ciborium::from_reader::<Other, _>(data).ok().filter(|value| {
        let mut written = Vec::new();
        ciborium::into_writer(value, &mut written).expect("memory is writable");
        written == data && is_supported(value, MAX_DEPTH)
    });
    match (&found, &expected) {
        (Some(found), Some(expected)) => assert!(is_same(found, expected), "{data:x?}"),
        (None, None) => {}
        _ => panic!("{data:x?}: {found:?}, not {expected:?}"),
    }
    // What follows the first item changes nothing in it.
    if let Ok((first, rest)) = cbor::decode_first(data) {
        assert_eq!(cbor::decode(&data[..data.len() - rest.len()]), Ok(first), "{data:x?}");
    }
}

fn is_supported(value: &Other, levels: usize) -> bool {
    match value {
        Other::Integer(_) | Other::Bytes(_) | Other::Text(_) | Other::Bool(_) | Other::Null => true,
        Other::Array(items) => {
            levels > 0
                && items.len() <= MAX_ENTRIES
                && items.iter().all(|item| is_supported(item, levels - 1))
        }
        Other::Map(members) => {
            let is_unique = |(number, (key, _)): (usize, &(Other, Other))| {
                members[..number].iter().all(|(other, _)| other != key)
            };
            levels > 0
                && members.len() <= MAX_ENTRIES
                && members.iter().enumerate().all(is_unique)
                && members
                    .iter()
                    .all(|(key, value)| is_supported(key, levels - 1) && is_supported(value, levels - 1))
        }
        _ => false,
    }
}

fn is_same(ours: &Value, other: &Other) -> bool {
    match (ours, other) {
        (Value::Integer(ours), Other::Integer(other)) => *ours == i128::from(*other),
        (Value::Bytes(ours), Other::Bytes(other)) => ours == other,
        (Value::Text(ours), Other::Text(other)) => ours == other,
        (Value::Bool(ours), Other::Bool(other)) => ours == other,
        (Value::Null, Other::Null) => true,
        (Value::Array(ours), Other::Array(other)) => {
            ours.len() == other.len() && ours.iter().zip(other).all(|(ours, other)| is_same(ours, other))
        }
        (Value::Map(ours), Other::Map(other)) => {
            ours.len() == other.len()
                && ours
                    .iter()
                    .zip(other)
                    .all(|(ours, other)| is_same(&ours.0, &other.0) && is_same(&ours.1, &other.1))
        }
        _ => false,
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [
        b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58\x18abcdefghijklmnopqrstuvwx",
        b"\xa5\x01\x02\x03\x26\x20\x01\x21\x43xyz\x22\x43xyz",
        b"\x84\x39\x01\x00\x1a\x00\x01\x00\x00\xf5\x81\x81\x81\xf6",
        b"\xa2\x61a\x01\x61a\x02",
        b"\xbf\x61a\x9f\x01\xff\xff",
        b"\x1b\x00\x00\x00\x01\x00\x00\x00\x00",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}
