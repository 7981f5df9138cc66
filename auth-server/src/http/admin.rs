//! `/admin`: for people whose role in the database, and not in any token, is `admin`.

pub mod events;
pub mod sessions;
pub mod users;

use actix_web::HttpRequest;
use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::http::cookies::Cookies;
use crate::http::errors::role_required;
use crate::http::extract::client_info::requester;
use crate::http::extract::refresh_token::session;
use crate::model::{Actor, ClientInfo, Session};

/// The session of an administrator, and who asks: them.
///
/// # Errors
/// As every call that is made with a session; `role_required`.
async fn administrator(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
) -> Result<(Session, ClientInfo), Problem> {
    let (session, user) = session(request, context, cookies).await?;
    if !user.is_administrator() {
        return Err(role_required());
    }
    let by = Some(Actor::Administrator(user.id));
    Ok((session, ClientInfo { by, ..requester(request, cookies) }))
}

/// Nonsense names nobody.
fn parse<T: std::str::FromStr>(id: &str) -> Result<T, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}
