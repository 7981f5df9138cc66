use webauthn::Error;
use webauthn::attestation::AttestationObject;
use webauthn::cbor::{Value, decode, decode_first};

use crate::fixture::unhex;

#[test]
fn the_types_of_authenticators_are_decoded() {
    for (hex, expected) in [
        ("00", Value::Integer(0)),
        ("17", Value::Integer(23)),
        ("1818", Value::Integer(24)),
        ("19ffff", Value::Integer(65535)),
        ("1b00000001ffffffff", Value::Integer(0x1_ffff_ffff)),
        ("1bffffffffffffffff", Value::Integer(u64::MAX.into())),
        ("3bffffffffffffffff", Value::Integer(-1 - i128::from(u64::MAX))),
        ("390100", Value::Integer(-257)),
        ("40", Value::Bytes(b"")),
        ("43010203", Value::Bytes(&[1, 2, 3])),
        ("63e282ac", Value::Text("€")),
        ("82f4f6", Value::Array(vec![Value::Bool(false), Value::Null])),
        ("a1616101", Value::Map(vec![(Value::Text("a"), Value::Integer(1))])),
        ("81818180", Value::Array(vec![Value::Array(vec![Value::Array(vec![Value::Array(vec![])])])])),
    ] {
        assert_eq!(decode(&unhex(hex)), Ok(expected), "{hex}");
    }
}

#[test]
fn everything_else_is_refused() {
    let too_many = format!("9841{}", "00".repeat(65));
    for (hex, expected) in [
        ("", Error::MalformedCbor),
        ("0000", Error::TrailingBytes),
        ("1800", Error::NonCanonicalCbor),
        ("1817", Error::NonCanonicalCbor),
        ("1900ff", Error::NonCanonicalCbor),
        ("1a0000ffff", Error::NonCanonicalCbor),
        ("1b00000000ffffffff", Error::NonCanonicalCbor),
        ("3800", Error::NonCanonicalCbor),
        ("580101", Error::NonCanonicalCbor),
        ("5f4101ff", Error::NonCanonicalCbor),
        ("7f6161ff", Error::NonCanonicalCbor),
        ("9fff", Error::NonCanonicalCbor),
        ("bfff", Error::NonCanonicalCbor),
        ("a201010102", Error::DuplicateKey),
        ("a2616100616101", Error::DuplicateKey),
        ("a1", Error::MalformedCbor),
        ("a101", Error::MalformedCbor),
        ("4201", Error::MalformedCbor),
        ("5bffffffffffffffff", Error::MalformedCbor),
        ("9bffffffffffffffff", Error::MalformedCbor),
        ("62c328", Error::MalformedCbor),
        ("1c", Error::MalformedCbor),
        ("c000", Error::MalformedCbor),
        ("f7", Error::MalformedCbor),
        ("f97e00", Error::MalformedCbor),
        ("fb3ff0000000000000", Error::MalformedCbor),
        ("ff", Error::MalformedCbor),
        ("8181818180", Error::MalformedCbor),
        (&too_many, Error::MalformedCbor),
    ] {
        assert_eq!(decode(&unhex(hex)), Err(expected), "{hex}");
    }
}

#[test]
fn the_first_item_is_returned_with_the_rest() {
    assert_eq!(decode_first(&[0x01, 0x02, 0x03]), Ok((Value::Integer(1), &[2, 3][..])));
}

#[test]
fn an_attestation_object_has_exactly_three_members() {
    for (hex, is_valid) in [
        // {"fmt": "none", "attStmt": {}, "authData": h''}, in two orders, then with one too many, too few, and mistyped.
        ("a363666d74646e6f6e656761747453746d74a068617574684461746140", true),
        ("a368617574684461746140 63666d74646e6f6e65 6761747453746d74a0", true),
        ("a463666d74646e6f6e656761747453746d74a068617574684461746140 6165 00", false),
        ("a263666d74646e6f6e656761747453746d74a0", false),
        ("a363666d74446e6f6e656761747453746d74a068617574684461746140", false),
        ("80", false),
    ] {
        let bytes = unhex(&hex.replace(' ', ""));
        let outcome = AttestationObject::parse(&bytes).map(drop);
        assert_eq!(outcome, if is_valid { Ok(()) } else { Err(Error::MalformedAttestation) }, "{hex}");
    }
}
