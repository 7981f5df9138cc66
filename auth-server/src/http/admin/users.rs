use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Code, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::users::admin::{self, Change};
use crate::domain::users::search::{self, Cursor, Search, Whom};
use crate::http::admin::{administrator, parse};
use crate::http::cookies::Cookies;
use crate::http::errors::{administration_problem, store_problem};
use crate::http::extract::json::Json;
use crate::http::extract::query::Query;
use crate::http::validation::Fields;
use crate::model::{CustomClaims, Roles, UserView};

/// Some people.
#[derive(Serialize, ToSchema)]
pub struct People {
    /// In order of their e-mail addresses; then those of whom only the username fits, in order of that.
    items: Vec<UserView>,
    /// For the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Who is looked for, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct Wanted {
    /// What the e-mail address or the username begins with, or the id.
    #[param(max_length = 254, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    q: Option<String>,
    /// At most so many, from 1 to 200. There may be fewer, and more to come: `next_cursor` tells.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What is to be different; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = PersonChange)]
pub struct Changes {
    /// All that the person may do. What stands twice counts once.
    #[schema(max_items = 16, pattern = "^[a-z0-9_-]{1,32}$")]
    roles: Option<Vec<String>>,
    /// `true` keeps the person out, and ends their sessions.
    disabled: Option<bool>,
    /// All that access tokens say of the person beside our own claims: at most 1 KiB of JSON, no reserved name.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
}

/// People, found by how their e-mail address or username begins.
#[utoipa::path(
    get, path = "/admin/users", tag = "administration", params(Wanted),
    responses(
        (status = 200, description = "Those who are there", body = People),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, Problem> {
    administrator(&request, &context, **cookies).await?;
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let search = query.take("q", str::parse::<Search>);
    query.check()?;
    let search = search.unwrap_or_else(Search::everybody);
    let page = search::page(&context.database, search, cursor, limit).await;
    let page = page.map_err(|error| store_problem(&error))?;
    Ok(HttpResponse::Ok().json(People {
        items: page.people.into_iter().map(UserView::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// One person.
#[utoipa::path(
    get, path = "/admin/users/{id}", tag = "administration", params(("id" = String, Path, format = "uuid", description = "The person's id")),
    responses(
        (status = 200, description = "The person", body = UserView),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: there is no such person", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn show(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    administrator(&request, &context, **cookies).await?;
    let found = search::find(&context.database, Whom::Id(parse(&id)?)).await;
    let found = found.map_err(|error| store_problem(&error))?;
    let user = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Changes roles, custom claims and whether somebody may come in: all of it, or nothing. A change of roles makes access tokens
/// stale; who is disabled is logged out.
#[utoipa::path(
    patch, path = "/admin/users/{id}", tag = "administration", request_body = Changes, params(("id" = String, Path, format = "uuid", description = "The person's id")),
    responses(
        (status = 200, description = "The person, as they are now", body = UserView),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: there is no such person", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`last_administrator`: nobody would be left to administer", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn change(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    id: web::Path<String>,
    Json(body): Json<Changes>,
) -> Result<HttpResponse, Problem> {
    let (_, requester) = administrator(&request, &context, **cookies).await?;
    let id = parse(&id)?;
    let mut fields = Fields::default();
    let change = Change {
        roles: fields.value("roles", body.roles, |roles| Roles::parse(&roles)),
        disabled: body.disabled,
        claims: fields.value("claims", body.claims, |claims| CustomClaims::parse(claims.into())),
    };
    fields.check()?;
    let changed = admin::change(&context.database, id, change, &requester, context.now()).await;
    Ok(HttpResponse::Ok().json(UserView::from(changed.map_err(administration_problem)?)))
}
