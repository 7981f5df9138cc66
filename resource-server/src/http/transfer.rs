use std::time::Duration;

use actix_web::HttpResponse;
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Authenticated, Problem};
use utoipa::ToSchema;

use super::uncached::uncached;

/// How long ago the person may have proved who they are. Short enough that a stolen token seldom qualifies.
const MAX_AUTHENTICATION_AGE: Duration = Duration::from_secs(5 * 60);

/// What became of a transfer.
#[derive(Serialize, ToSchema)]
pub struct Transfer {
    /// For people.
    #[schema(example = "Transfer accepted")]
    message: &'static str,
    /// Whose transfer.
    user_id: String,
}

/// Stands for whatever nobody should be able to do with a token found lying about. No money moves.
#[utoipa::path(
    post,
    path = "/transfer", operation_id = "transfer",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "Accepted", body = Transfer),
        (status = 401, description = "`missing_token`, `invalid_token`, `token_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`fresh_login_required`, with `max_age`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn make(caller: Authenticated) -> Result<HttpResponse, Problem> {
    caller.require_fresh(MAX_AUTHENTICATION_AGE)?;
    let user_id = caller.user_id().to_owned();
    Ok(uncached(Transfer { message: "Transfer accepted", user_id }))
}
