pub mod creation;
pub mod list;

use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::users;
use crate::domain::users::admin::{self, Change};
use crate::domain::users::search::{self, UserRef};
use crate::http::Validation;
use crate::http::extract::{AdminSession, FreshAdminSession, OptionalJson, parse_id};
use crate::http::problems::{ChangeConflicts, RateLimited, UserDisabled, UserRemains};
use crate::model::{CustomClaims, Email, Roles, UserView};

/// The properties to change. Absent members remain unchanged.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = PersonChange)]
pub struct UserPatch {
    /// The user's new address, which is not verified then.
    #[schema(value_type = Option<Email>)]
    email: Option<String>,
    /// All roles of the user. Duplicates are ignored.
    #[schema(max_items = 16, pattern = "^[a-z0-9_-]{1,32}$")]
    roles: Option<Vec<String>>,
    /// With `true` the user can neither log in nor refresh, and all sessions end.
    disabled: Option<bool>,
    /// All custom claims of access tokens: at most 1 KiB of JSON, without reserved names.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
}

/// Returns a user.
#[utoipa::path(
    get, path = "/admin/users/{id}", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 200, description = "The user", body = UserView)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn get_user(
    context: web::Data<Context>,
    id: web::Path<String>,
    _: AdminSession,
) -> Result<HttpResponse, Problem> {
    let found = search::find(&context.database, UserRef::Id(parse_id(&id)?)).await?;
    let user = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Changes the address, the roles, the custom claims and the status of a user.
///
/// Applies all changes or none. A change of address, roles or status makes the user's access tokens stale, and links that
/// were mailed to the user invalid. A new address is not verified until the user proves it. Disabling also ends all
/// sessions. Access tokens contain new custom claims from the next refresh on.
#[utoipa::path(
    patch, path = "/admin/users/{id}", tag = "administration", request_body(content = Option<UserPatch>),
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 200, description = "The user after the change", body = UserView), RateLimited, ChangeConflicts),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn update_user(
    request: HttpRequest,
    context: web::Data<Context>,
    id: web::Path<String>,
    OptionalJson(body): OptionalJson<UserPatch>,
) -> Result<HttpResponse, Problem> {
    let body = body.unwrap_or_default();
    let admin = FreshAdminSession::extract(&request).await?;
    let id = parse_id(&id)?;
    let mut validation = Validation::default();
    let change = Change {
        email: validation.optional("email", body.email.as_deref(), Email::parse),
        roles: validation.optional("roles", body.roles, |roles| Roles::parse(&roles)),
        disabled: body.disabled,
        claims: validation.optional("claims", body.claims, |claims| CustomClaims::parse(claims.into())),
    };
    validation.check()?;
    let user = admin::change(&admin.operation(&context)?, id, change).await?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Deletes a user and everything that belongs to them.
///
/// Their events keep type, time and id only. `DELETE /auth/me` deletes your own account.
#[utoipa::path(
    delete, path = "/admin/users/{id}", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 204, description = "The user is deleted"), UserRemains, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn delete_user(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    admin::delete(&admin.operation(&context)?, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends a user a link that sets a new password.
///
/// The link goes to the user's address and is shown to no one else. Until it is used, nothing changes.
#[utoipa::path(
    post, path = "/admin/users/{id}/password-reset", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 202, description = "The mail will be sent"), UserDisabled, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn send_password_reset(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    let operation = admin.operation(&context)?;
    users::send_reset_link(&operation, &context.proof_tokens, id, context.locale(None)).await?;
    Ok(HttpResponse::Accepted().finish())
}
