use actix_web::{HttpResponse, web};
use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::domain::users::factors;
use crate::http::auth::factors::FactorsBody;
use crate::http::extract::{AdminSession, FreshAdminSession, parse_id};
use crate::http::problems::{OwnAccount, RateLimited};
use crate::http::responses;

/// Lists the second factors of a user, without secrets.
#[utoipa::path(
    get, path = "/admin/users/{id}/factors", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 200, description = "The factors", body = FactorsBody)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_user_factors(
    context: web::Data<Context>,
    id: web::Path<String>,
    _: AdminSession,
) -> Result<HttpResponse, Problem> {
    let found = factors::list(&context.database, parse_id(&id)?).await?;
    let factors = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok().json(FactorsBody::new(&context, factors)))
}

/// Removes all second factors and recovery codes of a user who has lost them.
///
/// All sessions of the user end, and the user is told by mail. `409 own_account` for your own.
#[utoipa::path(
    delete, path = "/admin/users/{id}/factors", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 204, description = "The user has no second factor"), OwnAccount, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn reset_user_factors(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    factors::reset(&admin.operation(&context)?, parse_id(&id)?).await?;
    Ok(responses::no_content([]))
}
