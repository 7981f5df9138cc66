//! Rules for headers and claims, said a second time. What a claim must be is a predicate on its value.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use shared_claims::Clock as _;
use shared_claims::testing::{ManualClock, SigningKey};

use crate::json;

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// 9999-12-31T23:59:59Z.
const END_OF_TIME: u64 = 253_402_300_799;

pub const ISSUER: &str = "https://auth.example";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An issuer with a secret (quick, and as good as any key here), and one token of it that is good.
pub struct Issuer {
    pub key: SigningKey,
    pub clock: ManualClock,
    /// Of the good token.
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

    /// The time, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.clock.now().timestamp().try_into().expect("after 1970")
    }

    /// The good claims, to be changed.
    pub fn claims(&self) -> Value {
        serde_json::from_slice(&self.payload).expect("claims")
    }

    /// Signs these parts.
    pub fn sign<'a>(&self, header: &'a [u8], payload: &'a [u8]) -> Parts<'a> {
        Parts { header, payload, token: self.key.sign_bytes(header, payload) }
    }
}

/// A signed token, and what it was made of.
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
    /// The claims, if the header and the length are as they must be.
    pub fn claims(&self, typ: &str, kid: &str) -> Option<Map<String, Value>> {
        let header = json::object(self.header)?;
        let says = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        let typ_said = says("typ")?.to_ascii_lowercase();
        let fits = says("alg")? == "HS256"
            && says("kid")? == kid
            && typ_said.strip_prefix("application/").unwrap_or(&typ_said) == typ
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

/// A time that an issuer whose clock is at most a minute ahead may have written.
pub fn is_past(value: Option<&Value>, now: u64) -> bool {
    value.and_then(Value::as_u64).is_some_and(|time| time <= now + 60)
}

/// A time at which the token is still good, by a clock that is five seconds late.
pub fn is_to_come(value: Option<&Value>, now: u64) -> bool {
    value.and_then(Value::as_u64).is_some_and(|time| time <= END_OF_TIME && now < time + 5)
}

/// One audience or several, ours among them.
pub fn names_audience(value: Option<&Value>, ours: &str) -> bool {
    match value {
        Some(Value::String(one)) => one == ours,
        Some(Value::Array(several)) => is_texts(value) && several.iter().any(|one| one == ours),
        _ => false,
    }
}

/// The first byte of an input says what the others are for.
pub fn mode(data: &[u8], modes: u8) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (first % modes, rest))
}

/// An input for each of these modes.
pub fn seeds(inputs: &[(u8, &[u8])]) -> Vec<Vec<u8>> {
    inputs.iter().map(|(mode, rest)| [&[*mode], *rest].concat()).collect()
}
