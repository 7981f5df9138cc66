use actix_web::web::Json;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Authenticated, Problem};

use super::protected::Greeting;

/// Requires the role `admin`.
#[utoipa::path(
    get,
    path = "/admin", operation_id = "admin",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "A greeting", body = Greeting),
        (status = 403, description = "`role_required`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Authenticated) -> Result<Json<Greeting>, Problem> {
    caller.require_role("admin")?;
    Ok(Json(Greeting::to(&caller)))
}
