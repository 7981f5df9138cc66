//! A second implementation of the rules for headers and claims. The rule for a claim is a predicate on its value.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use shared_claims::Clock as _;
use shared_claims::testing::{ManualClock, SigningKey};

use crate::json;

/// Maximum length of a token in bytes.
const LONGEST: usize = 8 * 1024;
/// 9999-12-31T23:59:59Z.
const END_OF_TIME: u64 = 253_402_300_799;

pub const ISSUER: &str = "https://auth.example";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An issuer that signs with a shared secret, which is fast, and one valid token.
pub struct Issuer {
    pub key: SigningKey,
    pub clock: ManualClock,
    /// Header of the valid token.
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
    pub token: String,
}

impl Issuer {
    pub fn new(header: fn(&SigningKey) -> Value, claims: fn(DateTime<Utc>) -> Value) -> Self {
        let (clock, key) = (ManualClock::new(), SigningKey::from_secret(SECRET.as_bytes()));
        let (header, payload) = (header(&key).to_string(), claims(clock.now()).to_string());
        let token = key.sign_bytes(header.as_bytes(), payload.as_bytes());
        Self { key, clock, header: header.into(), payload: payload.into(), token }
    }

    /// The current time in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.clock.now().timestamp().try_into().expect("after 1970")
    }

    /// A copy of the valid claims.
    pub fn claims(&self) -> Value {
        serde_json::from_slice(&self.payload).expect("claims")
    }

    /// Signs these parts.
    pub fn sign<'a>(&self, header: &'a [u8], payload: &'a [u8]) -> Parts<'a> {
        Parts { header, payload, token: self.key.sign_bytes(header, payload) }
    }
}

/// A signed token and its parts.
pub struct Parts<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    pub token: String,
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.header.escape_ascii(), self.payload.escape_ascii())
    }
}

impl Parts<'_> {
    /// The claims, if the header and the length are valid.
    pub fn claims(&self, typ: &str, kid: &str) -> Option<Map<String, Value>> {
        let header = json::object(self.header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        let actual_typ = text("typ")?.to_ascii_lowercase();
        let fits = text("alg")? == "HS256"
            && text("kid")? == kid
            && actual_typ.strip_prefix("application/").unwrap_or(&actual_typ) == typ
            && !header.contains_key("crit")
            && self.token.len() <= LONGEST;
        if fits { json::object(self.payload) } else { None }
    }
}

pub fn is_name(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

pub fn is_texts(value: Option<&Value>) -> bool {
    value.and_then(Value::as_array).is_some_and(|texts| texts.iter().all(Value::is_string))
}

pub fn is_count(value: Option<&Value>) -> bool {
    value.and_then(Value::as_u64).is_some_and(|count| count < 1 << 53)
}

/// Whether the time is not in the future, with one minute of tolerance for the issuer's clock.
pub fn is_past(value: Option<&Value>, now: u64) -> bool {
    value.and_then(Value::as_u64).is_some_and(|time| time <= now + 60)
}

pub fn is_time(value: Option<&Value>) -> bool {
    value.and_then(Value::as_u64).is_some_and(|time| time <= END_OF_TIME)
}

/// Whether the token has not expired, with a leeway of five seconds.
pub fn is_future(value: Option<&Value>, now: u64) -> bool {
    value.and_then(Value::as_u64).is_some_and(|time| time <= END_OF_TIME && now < time + 5)
}

/// Whether the claim is this audience, or a list that contains it.
pub fn names_audience(value: Option<&Value>, expected: &str) -> bool {
    match value {
        Some(Value::String(one)) => one == expected,
        Some(Value::Array(several)) => is_texts(value) && several.iter().any(|one| one == expected),
        _ => false,
    }
}

/// The first byte of an input selects the mode. Returns it and the rest.
pub fn mode(data: &[u8], modes: u8) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (first % modes, rest))
}

/// Seeds from modes and inputs.
pub fn seeds(inputs: &[(u8, &[u8])]) -> Vec<Vec<u8>> {
    inputs.iter().map(|(mode, rest)| [&[*mode], *rest].concat()).collect()
}
