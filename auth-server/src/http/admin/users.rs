use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_claims::{Code, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::users::admin::{self, Change};
use crate::domain::users::search::{self, Cursor, Search, UserRef};
use crate::http::Validation;
use crate::http::extract::{AdminSession, OptionalJson, PageQuery, Query, parse_id};
use crate::http::problems::{LastAdministrator, RateLimited};
use crate::model::{CustomClaims, Roles, UserView};

/// A page of users.
#[derive(Serialize, ToSchema)]
#[schema(as = People)]
pub struct Users {
    /// In the order of their e-mail addresses, followed by those whose username alone matches.
    items: Vec<UserView>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct ListUsersQuery {
    /// The start of an e-mail address or a username, or an id.
    #[param(max_length = 254, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    q: Option<String>,
}

/// The properties to change. Absent members remain unchanged.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = PersonChange)]
pub struct UserPatch {
    /// All roles of the user. Duplicates are ignored.
    #[schema(max_items = 16, pattern = "^[a-z0-9_-]{1,32}$")]
    roles: Option<Vec<String>>,
    /// With `true` the user can neither log in nor refresh, and all sessions end.
    disabled: Option<bool>,
    /// All custom claims of access tokens: at most 1 KiB of JSON, without reserved names.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
}

/// Lists users in the order of their e-mail addresses.
///
/// A page can have fewer than `limit` items although more exist: there are more if it has a `next_cursor`.
#[utoipa::path(
    get, path = "/admin/users", tag = "administration", params(ListUsersQuery, PageQuery),
    responses((status = 200, description = "A page of users", body = Users)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_users(
    request: HttpRequest,
    context: web::Data<Context>,
    _: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let search = query.take("q", str::parse::<Search>);
    query.check()?;
    let search = search.unwrap_or_else(Search::all);
    let page = search::page(&context.database, search, cursor, limit).await?;
    Ok(HttpResponse::Ok().json(Users {
        items: page.users.into_iter().map(UserView::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
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

/// Changes the roles, the custom claims and the status of a user.
///
/// Applies all changes or none. A change of roles or status makes the user's access tokens stale. Disabling also ends all
/// sessions. Access tokens contain new custom claims from the next refresh on.
#[utoipa::path(
    patch, path = "/admin/users/{id}", tag = "administration", request_body(content = Option<UserPatch>),
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 200, description = "The user after the change", body = UserView), RateLimited, LastAdministrator),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn update_user(
    request: HttpRequest,
    context: web::Data<Context>,
    id: web::Path<String>,
    OptionalJson(body): OptionalJson<UserPatch>,
) -> Result<HttpResponse, Problem> {
    let body = body.unwrap_or_default();
    let admin = AdminSession::extract(&request).await?;
    let id = parse_id(&id)?;
    let mut validation = Validation::default();
    let change = Change {
        roles: validation.optional("roles", body.roles, |roles| Roles::parse(&roles)),
        disabled: body.disabled,
        claims: validation.optional("claims", body.claims, |claims| CustomClaims::parse(claims.into())),
    };
    validation.check()?;
    context.user_limits.count_administration(admin.session.user_id)?;
    let user = admin::change(&context.operation(&admin.client), id, change).await?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}
