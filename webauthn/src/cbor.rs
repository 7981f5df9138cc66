//! Decodes CBOR in the form that authenticators must send: CTAP2's canonical form (CTAP 2.2 §8), less the order of keys.
//!
//! Refused are indefinite lengths, lengths and numbers that are not in their shortest form, duplicate keys, tags, floats,
//! more than four levels, and trailing bytes. The order of keys is ignored: some password managers do not sort them, and
//! it changes no meaning.

use crate::error::Error;

/// Levels of arrays and maps, as in CTAP2.
const MAX_DEPTH: u8 = 4;
/// Entries of an array or a map. Bounds the time to search for duplicate keys; real maps have fewer than ten.
pub const MAX_ENTRIES: usize = 64;

/// A decoded item. Texts and byte strings borrow from the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer, −2⁶⁴ to 2⁶⁴ − 1.
    Integer(i128),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
    /// An array.
    Array(Vec<Value<'a>>),
    /// A map in the order of the input, without duplicate keys.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// Decodes a single item that fills the input.
///
/// # Errors
/// The input is not CBOR in canonical form, or longer than the item.
pub fn decode(input: &[u8]) -> Result<Value<'_>, Error> {
    match decode_first(input)? {
        (value, []) => Ok(value),
        _ => Err(Error::TrailingBytes),
    }
}

/// Decodes the first item, and returns it with the bytes after it.
///
/// # Errors
/// The input does not begin with CBOR in canonical form.
pub fn decode_first(mut input: &[u8]) -> Result<(Value<'_>, &[u8]), Error> {
    let value = item(&mut input, MAX_DEPTH)?;
    Ok((value, input))
}

fn item<'a>(input: &mut &'a [u8], levels: u8) -> Result<Value<'a>, Error> {
    let initial = take(input, 1)?[0];
    let (major, information) = (initial >> 5, initial & 0x1f);
    if major == 7 {
        return match information {
            20 => Ok(Value::Bool(false)),
            21 => Ok(Value::Bool(true)),
            22 => Ok(Value::Null),
            _ => Err(Error::MalformedCbor),
        };
    }
    let argument = argument(input, information)?;
    match major {
        0 => Ok(Value::Integer(argument.into())),
        1 => Ok(Value::Integer(-1 - i128::from(argument))),
        2 => Ok(Value::Bytes(string(input, argument)?)),
        3 => match std::str::from_utf8(string(input, argument)?) {
            Ok(text) => Ok(Value::Text(text)),
            Err(_) => Err(Error::MalformedCbor),
        },
        4 => {
            let levels = levels.checked_sub(1).ok_or(Error::MalformedCbor)?;
            (0..entries(argument)?).map(|_| item(input, levels)).collect::<Result<_, _>>().map(Value::Array)
        }
        5 => map(input, entries(argument)?, levels.checked_sub(1).ok_or(Error::MalformedCbor)?),
        _ => Err(Error::MalformedCbor),
    }
}

/// The number in the initial byte or after it, which must be in its shortest form.
fn argument(input: &mut &[u8], information: u8) -> Result<u64, Error> {
    let length = match information {
        0..24 => return Ok(information.into()),
        24..28 => 1 << (information - 24),
        31 => return Err(Error::NonCanonicalCbor),
        _ => return Err(Error::MalformedCbor),
    };
    let number = take(input, length)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
    let fits_into_less = match length {
        1 => number < 24,
        length => number >> (length * 4) == 0,
    };
    if fits_into_less { Err(Error::NonCanonicalCbor) } else { Ok(number) }
}

fn map<'a>(input: &mut &'a [u8], entries: usize, levels: u8) -> Result<Value<'a>, Error> {
    let mut map: Vec<(Value, Value)> = Vec::new();
    for _ in 0..entries {
        let key = item(input, levels)?;
        if map.iter().any(|(other, _)| *other == key) {
            return Err(Error::DuplicateKey);
        }
        map.push((key, item(input, levels)?));
    }
    Ok(Value::Map(map))
}

fn entries(count: u64) -> Result<usize, Error> {
    usize::try_from(count).ok().filter(|count| *count <= MAX_ENTRIES).ok_or(Error::MalformedCbor)
}

fn string<'a>(input: &mut &'a [u8], length: u64) -> Result<&'a [u8], Error> {
    take(input, usize::try_from(length).map_err(|_| Error::MalformedCbor)?)
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (taken, rest) = input.split_at_checked(length).ok_or(Error::MalformedCbor)?;
    *input = rest;
    Ok(taken)
}
