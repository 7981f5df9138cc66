//! The claims of a token (RFC 7519 §4, RFC 9068 §2.2).

use std::any::Any;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::acr::Acr;
use crate::error::TokenError;
use crate::payload::{self, Fault, Payload};

/// `type` of an access token.
pub const ACCESS: &str = "access";
/// `type` of a refresh token.
pub const REFRESH: &str = "refresh";

/// Custom claims without a type of your own.
pub type CustomClaims = Map<String, Value>;

/// Names that a custom claim must not use: those of Latchkey, those registered by RFC 7519 and RFC 9068, and those that
/// other software uses for authorization.
#[rustfmt::skip]
pub const RESERVED: &[&str] = &[
    // RFC 7519 §4.1
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
    // RFC 9068 §2.2
    "client_id", "auth_time", "acr", "amr", "scope", "groups", "roles", "entitlements",
    // Latchkey
    "type", "sid", "uv", "name", "csrf", "gen", "sk",
    // Other registered claims, and Microsoft's scp
    "azp", "nonce", "scp", "cnf", "act", "may_act", "events", "toe", "txn",
];

/// The claims of an access token. `C` is the type of the custom claims that an administrator attached to the user: a
/// map by default. Members that `C` does not have are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims<C = CustomClaims> {
    /// The issuer: the base URL of the auth server.
    pub iss: String,
    /// The user's id, a UUID that never changes. Use it as the key of your own data.
    pub sub: String,
    /// The API that the token is for.
    pub aud: Audience,
    /// The client that created the session.
    pub client_id: String,
    /// Time of issue, in seconds since 1970.
    pub iat: i64,
    /// Expiry, in seconds since 1970.
    pub exp: i64,
    /// The time before which the token is not valid, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The unique id of this token.
    pub jti: String,
    /// Always [`ACCESS`]; other values are rejected.
    #[serde(rename = "type")]
    pub token_type: String,
    /// The id of the session, a UUID.
    pub sid: String,
    /// The version of the user's row at the time of issue. It grows when password, roles or status change.
    pub uv: i64,
    /// Time of the login, or of the last password check since, in seconds since 1970.
    pub auth_time: i64,
    /// How the user logged in (RFC 8176): `pwd`, `email` (with a mailed code or link) or `link` (with a sign-in link).
    pub amr: Vec<String>,
    /// How strong the login was.
    #[serde(default)]
    pub acr: Acr,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The display name. The user chooses it, so escape it in HTML.
    pub name: String,
    /// The required value of `X-CSRF-Token` when the token is sent in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// The custom claims.
    #[serde(flatten)]
    pub custom: C,
}

/// Custom claims as a flattened member, so that `C` can be any type that fits [`AccessClaims`].
#[derive(Deserialize)]
struct Flattened<C> {
    #[serde(flatten)]
    custom: C,
}

impl AccessClaims {
    /// Reads the claims of RFC 9068 §2.2 and those of Latchkey. All others are custom ones.
    pub(crate) fn read(mut payload: Payload) -> Result<Self, TokenError> {
        use payload::{count, non_empty, text, texts, time};
        Ok(Self {
            iss: payload.required("iss", non_empty)?,
            sub: payload.required("sub", non_empty)?,
            aud: payload.required("aud", Audience::read)?,
            client_id: payload.required("client_id", non_empty)?,
            iat: payload.required("iat", time)?,
            exp: payload.required("exp", time)?,
            jti: payload.required("jti", non_empty)?,
            token_type: payload.required("type", non_empty)?,
            sid: payload.required("sid", non_empty)?,
            uv: payload.required("uv", count)?,
            auth_time: payload.required("auth_time", time)?,
            amr: payload.required("amr", texts)?,
            roles: payload.required("roles", texts)?,
            name: payload.required("name", text)?,
            acr: payload.optional("acr", text)?.map_or_else(Acr::default, Acr::from),
            nbf: payload.optional("nbf", time)?,
            csrf: payload.optional("csrf", non_empty)?,
            custom: payload.rest(),
        })
    }

    /// The same claims with typed custom ones. Those of the default type are shared and not copied.
    pub(crate) fn typed<C: DeserializeOwned + 'static>(
        self: &Arc<Self>,
    ) -> Result<Arc<AccessClaims<C>>, TokenError> {
        if let Some(same) = (self as &dyn Any).downcast_ref::<Arc<AccessClaims<C>>>() {
            return Ok(Arc::clone(same));
        }
        let custom = serde_json::from_value(Value::Object(self.custom.clone()));
        let Flattened { custom } = custom.map_err(|_| TokenError::CustomClaims)?;
        Ok(Arc::new(self.with_custom(custom)))
    }

    fn with_custom<C>(&self, custom: C) -> AccessClaims<C> {
        let claims = self.clone();
        AccessClaims {
            iss: claims.iss,
            sub: claims.sub,
            aud: claims.aud,
            client_id: claims.client_id,
            iat: claims.iat,
            exp: claims.exp,
            nbf: claims.nbf,
            jti: claims.jti,
            token_type: claims.token_type,
            sid: claims.sid,
            uv: claims.uv,
            auth_time: claims.auth_time,
            amr: claims.amr,
            acr: claims.acr,
            roles: claims.roles,
            name: claims.name,
            csrf: claims.csrf,
            custom,
        }
    }
}

/// The claims of a refresh token. Only auth servers read them.
#[derive(Clone, PartialEq, Serialize)]
pub struct RefreshClaims {
    /// The issuer.
    pub iss: String,
    /// Equal to the issuer: the auth server is the audience.
    pub aud: Audience,
    /// The user's id.
    pub sub: String,
    /// The session's id.
    pub sid: String,
    /// The generation of the session that this token can advance. Below 2^53, so that every JSON reader keeps it exact.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The session's secret: 16 random bytes in base64url.
    pub sk: String,
    /// The unique id of this token.
    pub jti: String,
    /// Always [`REFRESH`]; other values are rejected.
    #[serde(rename = "type")]
    pub token_type: String,
    /// When the holder of this token, or of one that led to it, last gave the password, in seconds since 1970. A copy of an
    /// earlier token does not get this value by a refresh. Absent in tokens of older servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How the holder of this token, or of one that led to it, logged in. Absent if with the password alone, as in tokens of
    /// older servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
    /// Time of issue, in seconds since 1970.
    pub iat: i64,
    /// The absolute expiry of the session, in seconds since 1970.
    pub exp: i64,
}

impl RefreshClaims {
    pub(crate) fn read(mut payload: Payload) -> Result<Self, TokenError> {
        use payload::{count, non_empty, texts, time};
        Ok(Self {
            iss: payload.required("iss", non_empty)?,
            aud: payload.required("aud", Audience::read)?,
            sub: payload.required("sub", non_empty)?,
            sid: payload.required("sid", non_empty)?,
            generation: payload.required("gen", count)?,
            sk: payload.required("sk", non_empty)?,
            jti: payload.required("jti", non_empty)?,
            token_type: payload.required("type", non_empty)?,
            iat: payload.required("iat", time)?,
            exp: payload.required("exp", time)?,
            auth_time: payload.optional("auth_time", time)?,
            amr: payload.optional("amr", texts)?,
        })
    }
}

/// Leaves out the session's secret.
impl std::fmt::Debug for RefreshClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshClaims")
            .field("sub", &self.sub)
            .field("sid", &self.sid)
            .field("generation", &self.generation)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

/// `aud`: one audience or several (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A JSON string.
    One(String),
    /// A JSON array of strings.
    Many(Vec<String>),
}

impl Audience {
    fn read(value: Value) -> Result<Self, Fault> {
        match value {
            Value::String(one) => Ok(Self::One(one)),
            other => payload::texts(other).map(Self::Many),
        }
    }

    /// Whether `audience` is included, compared byte for byte.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
