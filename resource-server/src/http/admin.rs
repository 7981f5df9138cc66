use actix_web::HttpResponse;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Authenticated, Problem};

use super::protected::Greeting;
use super::uncached::uncached;

/// For administrators.
#[utoipa::path(
    get,
    path = "/admin", operation_id = "admin",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "A greeting", body = Greeting),
        (status = 401, description = "`missing_token`, `invalid_token`, `token_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Authenticated) -> Result<HttpResponse, Problem> {
    caller.require_role("admin")?;
    Ok(uncached(Greeting::to(&caller)))
}
