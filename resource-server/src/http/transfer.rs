use std::time::Duration;

use actix_web::web::Json;
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Authenticated, Problem};
use utoipa::ToSchema;

/// Maximum age of the last login or reauthentication. Short, so that a stolen token rarely qualifies.
const MAX_AUTHENTICATION_AGE: Duration = Duration::from_secs(5 * 60);

/// The result of a transfer.
#[derive(Serialize, ToSchema)]
pub struct Transfer {
    /// Text for display
    #[schema(example = "Transfer accepted")]
    message: &'static str,
    /// Id of the user
    user_id: String,
}

/// Requires a recent login: an example of an operation that must be safe from stolen tokens. It transfers nothing.
#[utoipa::path(
    post,
    path = "/transfer", operation_id = "transfer",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "Accepted", body = Transfer),
        (status = 403, description = "`fresh_login_required`, with `max_age`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn make(caller: Authenticated) -> Result<Json<Transfer>, Problem> {
    caller.require_fresh(MAX_AUTHENTICATION_AGE)?;
    let user_id = caller.user_id().to_owned();
    Ok(Json(Transfer { message: "Transfer accepted", user_id }))
}
