use actix_web::HttpResponse;
use serde::Serialize;
use shared_claims::MaybeAuthenticated;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use super::uncached::uncached;

/// A greeting to anybody.
#[derive(Serialize, ToSchema)]
pub struct PublicGreeting {
    /// For people.
    #[schema(example = "Hello stranger")]
    message: String,
}

/// For everybody, by name for those who send a token. A bad token is refused all the same.
#[utoipa::path(
    get,
    path = "/greeting", operation_id = "greeting",
    security((), ("access_token" = [])),
    responses(
        (status = 200, description = "A greeting", body = PublicGreeting),
        (status = 401, description = "`invalid_token`, `token_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: a token, but no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(MaybeAuthenticated(caller): MaybeAuthenticated) -> HttpResponse {
    let name = caller.as_ref().map_or("stranger", |caller| &caller.claims().name);
    uncached(PublicGreeting { message: format!("Hello {name}") })
}
