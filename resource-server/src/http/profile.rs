use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Map, Value};
use shared_claims::http::problem::ProblemBody;
use shared_claims::{AccessClaims, Audience, Authenticated};
use utoipa::ToSchema;

use super::uncached::uncached;

/// What the token says, under the names it says it with, and the custom claims beside them.
#[derive(Serialize, ToSchema)]
pub struct Profile {
    /// The person, a UUID.
    sub: String,
    /// How to greet them.
    name: String,
    /// What they may do.
    roles: Vec<String>,
    /// Who issued the token.
    iss: String,
    /// Whom it is for.
    aud: Vec<String>,
    /// The client that the session was opened with.
    client_id: String,
    /// The session.
    sid: String,
    /// When the token was issued, in seconds since 1970.
    iat: i64,
    /// When it ends, in seconds since 1970.
    exp: i64,
    /// When the person last proved who they are, in seconds since 1970.
    auth_time: i64,
    /// How they did so.
    amr: Vec<String>,
    /// Custom claims.
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
            custom: claims.custom,
        }
    }
}

/// The token's claims, for display.
#[utoipa::path(
    get,
    path = "/profile", operation_id = "profile",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "The claims", body = Profile),
        (status = 401, description = "`missing_token`, `invalid_token`, `token_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Authenticated) -> HttpResponse {
    uncached(Profile::from(caller.claims()))
}
