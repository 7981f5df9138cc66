//! An access token is accepted exactly if every rule for it holds.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use shared_claims::testing::{ManualClock, SigningKey, access_claims};
use shared_claims::{AccessTokenValidator, Algorithm, Clock as _};

use crate::token_parts::{self, Parts, is_count, is_name, is_past, is_texts, is_to_come, names_audience};

const ISSUER: &str = "https://auth.example";
const AUDIENCE: &str = "api";

const ANY_TEXT: u8 = 0;
const PAYLOAD: u8 = 1;
const HEADER: u8 = 2;
const SIGNATURE: u8 = 3;
const MODES: u8 = 4;

static ISSUED: LazyLock<Issued> = LazyLock::new(Issued::new);

/// An issuer with a secret (quick, and as good as any key here), and an API that trusts it.
struct Issued {
    key: SigningKey,
    validator: AccessTokenValidator,
    header: Vec<u8>,
    payload: Vec<u8>,
    token: String,
    now: u64,
}

impl Issued {
    fn new() -> Self {
        let clock = ManualClock::new();
        let key = SigningKey::from_secret(b"0123456789abcdef0123456789abcdef");
        let claims = json!(access_claims(ISSUER, AUDIENCE, clock.now()));
        let (header, payload) = (key.access_header().to_string(), claims.to_string());
        let now = clock.now().timestamp().try_into().expect("after 1970");
        let validator = AccessTokenValidator::new(ISSUER, AUDIENCE, key.key_set())
            .with_algorithms(&[Algorithm::Hs256])
            .with_clock(Arc::new(clock));
        let token = key.sign_bytes(header.as_bytes(), payload.as_bytes());
        Self { key, validator, header: header.into(), payload: payload.into(), token, now }
    }

    fn accepts(&self, token: &str) -> bool {
        self.validator.check::<Map<String, Value>>(token).is_ok()
    }

    fn assert_judged_by_the_rules(&self, header: &[u8], payload: &[u8]) {
        let token = self.key.sign_bytes(header, payload);
        let parts = Parts { header, payload, token: &token };
        let claims = parts.claims("at+jwt", self.key.kid());
        let valid = claims.is_some_and(|claims| self.is_valid(&claims));
        let (header, payload) = (header.escape_ascii(), payload.escape_ascii());
        assert_eq!(self.accepts(&token), valid, "{header} {payload}");
    }

    fn is_valid(&self, claims: &Map<String, Value>) -> bool {
        let claim = |name: &str| claims.get(name);
        claim("iss").is_some_and(|issuer| issuer == ISSUER)
            && claim("type").is_some_and(|kind| kind == "access")
            && names_audience(claim("aud"), AUDIENCE)
            && ["sub", "client_id", "jti", "sid"].iter().all(|name| is_name(claim(name)))
            && ["amr", "roles"].iter().all(|name| is_texts(claim(name)))
            && claim("name").is_some_and(Value::is_string)
            && is_count(claim("uv"))
            && ["iat", "auth_time"].iter().all(|name| is_past(claim(name), self.now))
            && is_to_come(claim("exp"), self.now)
            && (claim("nbf").is_none() || is_past(claim("nbf"), self.now))
            && (claim("csrf").is_none() || is_name(claim("csrf")))
    }
}

/// Any text, any signed payload, any signed header, any signature.
pub fn hold(data: &[u8]) {
    let Some((mode, rest)) = token_parts::mode(data, MODES) else { return };
    let issued = &*ISSUED;
    match mode {
        PAYLOAD => issued.assert_judged_by_the_rules(&issued.header, rest),
        HEADER => issued.assert_judged_by_the_rules(rest, &issued.payload),
        SIGNATURE => {
            let signed = &issued.token[..=issued.token.rfind('.').expect("three parts")];
            let token = format!("{signed}{}", String::from_utf8_lossy(rest));
            assert_eq!(issued.accepts(&token), token == issued.token, "{token}");
        }
        _ => {
            let token = String::from_utf8_lossy(rest);
            assert_eq!(issued.accepts(&token), token == issued.token, "{token}");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let issued = &*ISSUED;
    let mut changed: Value = serde_json::from_slice(&issued.payload).expect("claims");
    changed["aud"] = json!(["other", AUDIENCE]);
    changed["nbf"] = json!(issued.now + 60);
    changed["exp"] = json!(issued.now - 4);
    changed["csrf"] = json!("x");
    changed["tenant"] = json!({"deep": [1, 2]});
    let application = format!(r#"{{"alg":"HS256","typ":"Application/AT+jwt","kid":"{}"}}"#, issued.key.kid());
    token_parts::seeds(&[
        (ANY_TEXT, issued.token.as_bytes()),
        (PAYLOAD, &issued.payload),
        (PAYLOAD, changed.to_string().as_bytes()),
        (HEADER, &issued.header),
        (HEADER, application.as_bytes()),
        (SIGNATURE, issued.token.rsplit('.').next().expect("three parts").as_bytes()),
    ])
}
