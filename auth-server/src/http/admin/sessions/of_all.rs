use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use shared_claims::Problem;
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::sessions::{self, Cursor};
use crate::http::auth::sessions::SessionBody;
use crate::http::extract::{AdminSession, PageQuery, Query, address, address_schema};
use crate::model::{Session, User};

/// A page of active sessions of all users.
#[derive(Serialize, ToSchema)]
pub struct AllSessions {
    /// Newest login first.
    items: Vec<SessionWithUser>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A session and its user.
#[derive(Serialize, ToSchema)]
pub struct SessionWithUser {
    #[serde(flatten)]
    session: SessionBody,
    user: SessionUser,
}

/// The user of a session.
#[derive(Serialize, ToSchema)]
pub struct SessionUser {
    /// UUID.
    id: String,
    /// Normalized e-mail address.
    email: String,
    /// Display name.
    name: Option<String>,
    /// Username.
    username: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct ListSessionsQuery {
    /// Address of the last refresh or login.
    #[param(schema_with = address_schema)]
    ip: Option<String>,
}

/// Lists the active sessions of all users, newest login first.
///
/// A page can have fewer than `limit` items although more exist: there are more if it has a `next_cursor`.
#[utoipa::path(
    get, path = "/admin/sessions", tag = "administration", params(ListSessionsQuery, PageQuery),
    responses((status = 200, description = "A page of sessions", body = AllSessions)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_all_sessions(
    request: HttpRequest,
    context: web::Data<Context>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let ip = query.take("ip", address);
    query.check()?;
    let page = sessions::list_all(&context.database, ip, cursor, limit, context.now()).await?;
    let item = |(session, user)| SessionWithUser::new(session, user, &admin.session);
    Ok(HttpResponse::Ok().json(AllSessions {
        items: page.items.into_iter().map(item).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

impl SessionWithUser {
    fn new(session: Session, user: User, current: &Session) -> Self {
        let user = SessionUser {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name.map(|name| name.as_str().to_owned()),
            username: user.username.map(|username| username.as_str().to_owned()),
        };
        Self { session: SessionBody::new(session, current), user }
    }
}
