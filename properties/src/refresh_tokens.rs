//! A refresh token is accepted if and only if every rule holds. Access tokens are rejected.

use std::sync::{Arc, LazyLock};

use auth_server::testing::RefreshTokenReader;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use shared_claims::testing::{SigningKey, refresh_claims};
use uuid::Uuid;

use crate::token_parts::{
    self, ISSUER, Issuer, SECRET, is_count, is_future, is_name, is_past, is_time, names_audience,
};

/// The last generation whose successor every JSON parser can represent exactly (RFC 8259 §6).
const LAST_GENERATION: u64 = (1 << 53) - 2;

const ANY_TEXT: u8 = 0;
const PAYLOAD: u8 = 1;
const HEADER: u8 = 2;
const MODES: u8 = 3;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

/// An issuer and the reader of its refresh tokens.
struct Server {
    issuer: Issuer,
    reader: RefreshTokenReader,
}

impl Server {
    fn new() -> Self {
        let issuer = Issuer::new(SigningKey::refresh_header, |now| json!(refresh_claims(ISSUER, now)));
        let reader = RefreshTokenReader::new(ISSUER, SECRET, Arc::new(issuer.clock.clone()));
        Self { issuer, reader }
    }

    fn assert_follows_the_rules(&self, header: &[u8], payload: &[u8]) {
        let signed = self.issuer.sign(header, payload);
        let claims = signed.claims("rt+jwt", self.issuer.key.kid());
        let valid = claims.filter(|claims| self.is_valid(claims)).and_then(|claims| session(&claims));
        assert_eq!(self.reader.read(&signed.token), valid, "{signed}");
    }

    fn is_valid(&self, claims: &Map<String, Value>) -> bool {
        let (claim, now) = (|name: &str| claims.get(name), self.issuer.now());
        claim("iss").is_some_and(|issuer| issuer == ISSUER)
            && claim("type").is_some_and(|kind| kind == "refresh")
            && names_audience(claim("aud"), ISSUER)
            && ["sub", "jti"].iter().all(|name| is_name(claim(name)))
            && is_count(claim("gen"))
            && is_secret(claim("sk"))
            && is_past(claim("iat"), now)
            && is_future(claim("exp"), now)
            && (claim("nbf").is_none() || is_past(claim("nbf"), now))
            && (claim("auth_time").is_none() || is_time(claim("auth_time")))
    }
}

/// Whether the value is 16 bytes in base64url.
fn is_secret(value: Option<&Value>) -> bool {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 16)
}

/// The session and the generation, if both are valid.
fn session(claims: &Map<String, Value>) -> Option<(String, u64)> {
    let session = Uuid::parse_str(claims.get("sid")?.as_str()?).ok()?;
    let generation = claims.get("gen")?.as_u64()?;
    (generation <= LAST_GENERATION).then(|| (session.to_string(), generation))
}

/// The input is a token, or the payload or header of a signed token.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = token_parts::mode(data, MODES) else { return };
    let issuer = &SERVER.issuer;
    match mode {
        PAYLOAD => SERVER.assert_follows_the_rules(&issuer.header, rest),
        HEADER => SERVER.assert_follows_the_rules(rest, &issuer.payload),
        _ => {
            let token = String::from_utf8_lossy(rest);
            assert_eq!(SERVER.reader.read(&token).is_some(), token == issuer.token, "{token}");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let issuer = &SERVER.issuer;
    let mut changed = issuer.claims();
    changed["gen"] = json!(LAST_GENERATION);
    changed["sid"] = json!("{F3B2C1D0-5E4F-4A3B-8C2D-1E0F9A8B7C6D}");
    changed["aud"] = json!([ISSUER]);
    changed["nbf"] = json!(issuer.now());
    let access_header = issuer.key.access_header().to_string();
    token_parts::seeds(&[
        (ANY_TEXT, issuer.token.as_bytes()),
        (PAYLOAD, &issuer.payload),
        (PAYLOAD, changed.to_string().as_bytes()),
        (HEADER, &issuer.header),
        (HEADER, access_header.as_bytes()),
    ])
}
