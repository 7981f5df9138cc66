use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::Problem;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder};
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::users::search::{self, Cursor, Filter, LastLogin, Search, Sort, Status};
use crate::http::extract::{AdminSession, PageQuery, Query, time};
use crate::model::{Role, UserView};

/// A page of users.
#[derive(Serialize, ToSchema)]
#[schema(as = People)]
pub struct Users {
    /// In the order of `sort`. In the order of e-mail addresses, users whose username alone matches come last.
    items: Vec<UserView>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many users match. Only without `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Total>,
}

/// Number of all items.
#[derive(Serialize, ToSchema)]
pub struct Total {
    /// At most 10000.
    #[schema(minimum = 0, maximum = 10_000)]
    count: i64,
    /// Otherwise there may be more.
    is_exact: bool,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct ListUsersQuery {
    /// The start of an e-mail address or a username, or an id.
    #[param(max_length = 254, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    q: Option<String>,
    /// Users who have this role.
    #[param(pattern = "^[a-z0-9_-]{1,32}$")]
    role: Option<String>,
    /// `active`: not disabled. `unverified`: the address is not verified, whether disabled or not.
    #[param(schema_with = status_schema)]
    status: Option<String>,
    /// Last login at this time or later.
    last_login_after: Option<DateTime<Utc>>,
    /// Last login before this time.
    last_login_before: Option<DateTime<Utc>>,
    /// Users who never logged in. Not with the two above.
    #[param(schema_with = never_schema)]
    last_login: Option<String>,
    /// Order of the users.
    #[param(schema_with = sort_schema)]
    sort: Option<String>,
}

/// Lists users.
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
    let sort = query.take("sort", str::parse::<Sort>).unwrap_or_default();
    if cursor.as_ref().is_some_and(|cursor| !cursor.is_of(sort)) {
        query.reject("cursor", "is not the next_cursor of a page in this order");
    }
    let filter = filter(&mut query);
    query.check()?;
    let page = search::page(&context.database, filter, sort, cursor, limit).await?;
    Ok(HttpResponse::Ok().json(Users {
        items: page.users.into_iter().map(UserView::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total.map(|total| Total { count: total.count, is_exact: total.is_exact }),
    }))
}

fn filter(query: &mut Query) -> Filter {
    let search = query.take("q", str::parse::<Search>).unwrap_or_else(Search::all);
    let never = query.take("last_login", |text| (text == "never").then_some(()).ok_or("must be never"));
    let (after, before) = (query.take("last_login_after", time), query.take("last_login_before", time));
    let has_range = after.is_some() || before.is_some();
    if never.is_some() && has_range {
        query.reject("last_login", "must not be combined with last_login_after or last_login_before");
    }
    let range = has_range.then_some(LastLogin::Between { after, before });
    Filter {
        role: query.take("role", Role::parse),
        status: query.take("status", status),
        last_login: never.map(|()| LastLogin::Never).or(range),
        ..search.filter()
    }
}

fn status(text: &str) -> Result<Status, &'static str> {
    match text {
        "active" => Ok(Status::Active),
        "disabled" => Ok(Status::Disabled),
        "unverified" => Ok(Status::Unverified),
        _ => Err("must be active, disabled or unverified"),
    }
}

fn status_schema() -> Object {
    one_of(&["active", "disabled", "unverified"])
}

fn never_schema() -> Object {
    one_of(&["never"])
}

fn sort_schema() -> Object {
    one_of(&["email", "-created_at", "-last_login_at"])
}

fn one_of(values: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values.iter().copied())).build()
}
