//! A refresh token is read exactly if every rule for it holds; and no access token is one, nor the reverse.

use std::sync::{Arc, LazyLock};

use auth_server::testing::RefreshTokenReader;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use shared_claims::Clock as _;
use shared_claims::testing::{ManualClock, SigningKey, refresh_claims};
use uuid::Uuid;

use crate::token_parts::{self, Parts, is_count, is_name, is_past, is_to_come, names_audience};

const ISSUER: &str = "https://auth.example";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The generation after it could not be told from the next by every reader (RFC 8259 §6).
const LAST_GENERATION: u64 = (1 << 53) - 2;

const ANY_TEXT: u8 = 0;
const PAYLOAD: u8 = 1;
const HEADER: u8 = 2;
const MODES: u8 = 3;

static ISSUED: LazyLock<Issued> = LazyLock::new(Issued::new);

struct Issued {
    key: SigningKey,
    reader: RefreshTokenReader,
    header: Vec<u8>,
    payload: Vec<u8>,
    token: String,
    now: u64,
}

impl Issued {
    fn new() -> Self {
        let clock = ManualClock::new();
        let key = SigningKey::from_secret(SECRET.as_bytes());
        let claims = json!(refresh_claims(ISSUER, clock.now()));
        let (header, payload) = (key.refresh_header().to_string(), claims.to_string());
        let now = clock.now().timestamp().try_into().expect("after 1970");
        let token = key.sign_bytes(header.as_bytes(), payload.as_bytes());
        let reader = RefreshTokenReader::new(ISSUER, SECRET, Arc::new(clock));
        Self { key, reader, header: header.into(), payload: payload.into(), token, now }
    }

    fn assert_judged_by_the_rules(&self, header: &[u8], payload: &[u8]) {
        let token = self.key.sign_bytes(header, payload);
        let parts = Parts { header, payload, token: &token };
        let claims = parts.claims("rt+jwt", self.key.kid());
        let valid = claims.filter(|claims| self.is_valid(claims)).map(|claims| said(&claims));
        let (header, payload) = (header.escape_ascii(), payload.escape_ascii());
        assert_eq!(self.reader.read(&token), valid.flatten(), "{header} {payload}");
    }

    fn is_valid(&self, claims: &Map<String, Value>) -> bool {
        let claim = |name: &str| claims.get(name);
        claim("iss").is_some_and(|issuer| issuer == ISSUER)
            && claim("type").is_some_and(|kind| kind == "refresh")
            && names_audience(claim("aud"), ISSUER)
            && ["sub", "jti"].iter().all(|name| is_name(claim(name)))
            && is_count(claim("gen"))
            && is_secret(claim("sk"))
            && is_past(claim("iat"), self.now)
            && is_to_come(claim("exp"), self.now)
            && (claim("nbf").is_none() || is_past(claim("nbf"), self.now))
    }
}

/// 16 bytes in base64url.
fn is_secret(value: Option<&Value>) -> bool {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 16)
}

/// The session and the generation, if they can be ours.
fn said(claims: &Map<String, Value>) -> Option<(String, u64)> {
    let session = Uuid::parse_str(claims.get("sid")?.as_str()?).ok()?;
    let generation = claims.get("gen")?.as_u64()?;
    (generation <= LAST_GENERATION).then(|| (session.to_string(), generation))
}

/// Any text, any signed payload, any signed header.
pub fn hold(data: &[u8]) {
    let Some((mode, rest)) = token_parts::mode(data, MODES) else { return };
    let issued = &*ISSUED;
    match mode {
        PAYLOAD => issued.assert_judged_by_the_rules(&issued.header, rest),
        HEADER => issued.assert_judged_by_the_rules(rest, &issued.payload),
        _ => {
            let token = String::from_utf8_lossy(rest);
            assert_eq!(issued.reader.read(&token).is_some(), token == issued.token, "{token}");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let issued = &*ISSUED;
    let mut changed: Value = serde_json::from_slice(&issued.payload).expect("claims");
    changed["gen"] = json!(LAST_GENERATION);
    changed["sid"] = json!("{F3B2C1D0-5E4F-4A3B-8C2D-1E0F9A8B7C6D}");
    changed["aud"] = json!([ISSUER]);
    changed["nbf"] = json!(issued.now);
    let access_header = issued.key.access_header().to_string();
    token_parts::seeds(&[
        (ANY_TEXT, issued.token.as_bytes()),
        (PAYLOAD, &issued.payload),
        (PAYLOAD, changed.to_string().as_bytes()),
        (HEADER, &issued.header),
        (HEADER, access_header.as_bytes()),
    ])
}
