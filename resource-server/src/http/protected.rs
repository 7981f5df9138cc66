use actix_web::HttpResponse;
use serde::Serialize;
use shared_claims::Authenticated;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use super::uncached::uncached;

/// A greeting to somebody known.
#[derive(Serialize, ToSchema)]
pub struct Greeting {
    /// For people.
    #[schema(example = "Hello Ada")]
    message: String,
    /// The person, a UUID.
    user_id: String,
    /// What they may do.
    roles: Vec<String>,
}

impl Greeting {
    pub fn to(caller: &Authenticated) -> Self {
        Self {
            message: format!("Hello {}", caller.claims().name),
            user_id: caller.user_id().to_owned(),
            roles: caller.roles().to_vec(),
        }
    }
}

/// For everybody with a valid access token.
#[utoipa::path(
    get,
    path = "/protected", operation_id = "protected",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "A greeting", body = Greeting),
        (status = 401, description = "`missing_token`, `invalid_token`, `token_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Authenticated) -> HttpResponse {
    uncached(Greeting::to(&caller))
}
