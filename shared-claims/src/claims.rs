//! What a token says (RFC 7519 §4, RFC 9068 §2.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `type` of an access token.
pub const ACCESS: &str = "access";
/// `type` of a refresh token.
pub const REFRESH: &str = "refresh";

/// The custom claims of a service that does not type them.
pub type CustomClaims = Map<String, Value>;

/// Names that a custom claim may not have: ours, the registered ones of RFC 7519 and RFC 9068, and those by which
/// other software grants something.
pub const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "type",
    "sid",
    "uv",
    "auth_time",
    "amr",
    "roles",
    "name",
    "csrf",
    "gen",
    "sk",
    "acr",
    "azp",
    "nonce",
    "scope",
    "scp",
    "groups",
    "entitlements",
    "cnf",
    "act",
    "may_act",
    "events",
    "toe",
    "txn",
];

/// The claims of an access token. `C` is whatever an administrator attached to the person: a map by default, or a
/// type of your own. Members that `C` does not know are ignored, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims<C = CustomClaims> {
    /// The issuer: the base URL of the auth server.
    pub iss: String,
    /// The person, a UUID. The only thing to key your own data by.
    pub sub: String,
    /// Whom the token is for.
    pub aud: Audience,
    /// The client that the session was opened with.
    pub client_id: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it begins, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// This token's own id.
    pub jti: String,
    /// [`ACCESS`]; anything else is refused.
    #[serde(rename = "type")]
    pub token_type: String,
    /// The session.
    pub sid: String,
    /// The version of the person's record that the token was made from.
    pub uv: i64,
    /// When the person last proved who they are, in seconds since 1970.
    pub auth_time: i64,
    /// How they did so (RFC 8176): `pwd`.
    pub amr: Vec<String>,
    /// What they may do.
    pub roles: Vec<String>,
    /// How to greet them. Chosen by the person: escape it.
    pub name: String,
    /// What `X-CSRF-Token` must say, where the token comes in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// The person's custom claims.
    #[serde(flatten)]
    pub custom: C,
}

/// The claims of a refresh token, which only auth servers read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// The issuer.
    pub iss: String,
    /// The issuer again: the auth server is the audience.
    pub aud: Audience,
    /// The person.
    pub sub: String,
    /// The session.
    pub sid: String,
    /// The session's generation that this token may turn into the next; below 2^53, which every JSON reader keeps exact.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The session's secret: 16 random bytes in base64url.
    pub sk: String,
    /// This token's own id.
    pub jti: String,
    /// [`REFRESH`]; anything else is refused.
    #[serde(rename = "type")]
    pub token_type: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When the session ends at the latest, in seconds since 1970.
    pub exp: i64,
}

/// Everything but the session's secret.
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
    /// A string.
    One(String),
    /// An array of strings.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `audience` is meant, byte for byte.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
