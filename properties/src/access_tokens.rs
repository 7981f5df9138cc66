//! An access token is accepted if and only if every rule holds.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use shared_claims::testing::{SigningKey, access_claims};
use shared_claims::{AccessTokenValidator, Algorithm};

use crate::token_parts::{
    self, ISSUER, Issuer, is_count, is_future, is_name, is_past, is_texts, names_audience,
};

const AUDIENCE: &str = "api";

const ANY_TEXT: u8 = 0;
const PAYLOAD: u8 = 1;
const HEADER: u8 = 2;
const SIGNATURE: u8 = 3;
const MODES: u8 = 4;

static API: LazyLock<Api> = LazyLock::new(Api::new);

/// An API that accepts tokens of one issuer.
struct Api {
    issuer: Issuer,
    validator: AccessTokenValidator,
}

impl Api {
    fn new() -> Self {
        let issuer =
            Issuer::new(SigningKey::access_header, |now| json!(access_claims(ISSUER, AUDIENCE, now)));
        let validator = AccessTokenValidator::new(ISSUER, AUDIENCE, issuer.key.key_set())
            .with_algorithms(&[Algorithm::Hs256])
            .with_clock(Arc::new(issuer.clock.clone()));
        Self { issuer, validator }
    }

    fn accepts(&self, token: &str) -> bool {
        self.validator.check::<Map<String, Value>>(token).is_ok()
    }

    fn assert_follows_the_rules(&self, header: &[u8], payload: &[u8]) {
        let signed = self.issuer.sign(header, payload);
        let claims = signed.claims("at+jwt", self.issuer.key.kid());
        let valid = claims.is_some_and(|claims| self.is_valid(&claims));
        assert_eq!(self.accepts(&signed.token), valid, "{signed}");
    }

    fn is_valid(&self, claims: &Map<String, Value>) -> bool {
        let (claim, now) = (|name: &str| claims.get(name), self.issuer.now());
        claim("iss").is_some_and(|issuer| issuer == ISSUER)
            && claim("type").is_some_and(|kind| kind == "access")
            && names_audience(claim("aud"), AUDIENCE)
            && ["sub", "client_id", "jti", "sid"].iter().all(|name| is_name(claim(name)))
            && ["amr", "roles"].iter().all(|name| is_texts(claim(name)))
            && claim("name").is_some_and(Value::is_string)
            && is_count(claim("uv"))
            && ["iat", "auth_time"].iter().all(|name| is_past(claim(name), now))
            && is_future(claim("exp"), now)
            && (claim("nbf").is_none() || is_past(claim("nbf"), now))
            && (claim("csrf").is_none() || is_name(claim("csrf")))
            && claim("acr").is_none_or(Value::is_string)
    }
}

/// The input is a token, or the payload, header or signature of a signed token.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = token_parts::mode(data, MODES) else { return };
    let issuer = &API.issuer;
    match mode {
        PAYLOAD => API.assert_follows_the_rules(&issuer.header, rest),
        HEADER => API.assert_follows_the_rules(rest, &issuer.payload),
        SIGNATURE => {
            let signed = &issuer.token[..=issuer.token.rfind('.').expect("three parts")];
            let token = format!("{signed}{}", String::from_utf8_lossy(rest));
            assert_eq!(API.accepts(&token), token == issuer.token, "{token}");
        }
        _ => {
            let token = String::from_utf8_lossy(rest);
            assert_eq!(API.accepts(&token), token == issuer.token, "{token}");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let issuer = &API.issuer;
    let mut changed = issuer.claims();
    changed["aud"] = json!(["other", AUDIENCE]);
    changed["nbf"] = json!(issuer.now() + 60);
    changed["exp"] = json!(issuer.now() - 4);
    changed["csrf"] = json!("x");
    changed["acr"] = json!("other");
    changed["tenant"] = json!({"deep": [1, 2]});
    let application = format!(r#"{{"alg":"HS256","typ":"Application/AT+jwt","kid":"{}"}}"#, issuer.key.kid());
    token_parts::seeds(&[
        (ANY_TEXT, issuer.token.as_bytes()),
        (PAYLOAD, &issuer.payload),
        (PAYLOAD, changed.to_string().as_bytes()),
        (HEADER, &issuer.header),
        (HEADER, application.as_bytes()),
        (SIGNATURE, issuer.token.rsplit('.').next().expect("three parts").as_bytes()),
    ])
}
