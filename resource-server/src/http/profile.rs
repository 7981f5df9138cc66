use actix_web::web::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use shared_claims::{AccessClaims, Acr, Audience, Authenticated};
use utoipa::ToSchema;

/// The claims of the token, with custom claims beside the standard ones.
#[derive(Serialize, ToSchema)]
pub struct Profile {
    /// Id of the user, a UUID
    sub: String,
    /// Display name of the user
    name: String,
    /// Roles of the user
    roles: Vec<String>,
    /// Issuer of the token
    iss: String,
    /// Audiences of the token
    aud: Vec<String>,
    /// Client that opened the session
    client_id: String,
    /// Id of the session, a UUID
    sid: String,
    /// Issue time, in seconds since 1970
    iat: i64,
    /// Expiry time, in seconds since 1970
    exp: i64,
    /// Time of the last login or reauthentication, in seconds since 1970
    auth_time: i64,
    /// Authentication methods (RFC 8176)
    amr: Vec<String>,
    /// Strength of the login: `1fa`, `mfa` or `phr`
    #[schema(value_type = String)]
    acr: Acr,
    /// Custom claims
    #[serde(flatten)]
    custom: Map<String, Value>,
}

impl From<&AccessClaims> for Profile {
    fn from(claims: &AccessClaims) -> Self {
        let claims = claims.clone();
        Self {
            sub: claims.sub,
            name: claims.name,
            roles: claims.roles,
            iss: claims.iss,
            aud: match claims.aud {
                Audience::One(one) => vec![one],
                Audience::Many(many) => many,
            },
            client_id: claims.client_id,
            sid: claims.sid,
            iat: claims.iat,
            exp: claims.exp,
            auth_time: claims.auth_time,
            amr: claims.amr,
            acr: claims.acr,
            custom: claims.custom,
        }
    }
}

/// Returns the claims of the token.
#[utoipa::path(
    get,
    path = "/profile", operation_id = "profile",
    security(("access_token" = [])),
    responses((status = 200, description = "The claims", body = Profile))
)]
pub async fn show(caller: Authenticated) -> Json<Profile> {
    Json(Profile::from(caller.claims()))
}
