use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use server_kit::http_server::Shutdown;
use shared_claims::http::bearer::bearer;
use shared_claims::{Challenge, Code, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::revocation_feed::{Cursor, Page};
use crate::http::extract::Query;
use crate::http::problems::FeedProblems;
use crate::model::Revocation;

/// Longest time to wait for news, in seconds. Proxies close connections that are silent for longer.
const MAX_WAIT: u64 = 30;

/// The accepted values of `REVOCATION_FEED_TOKEN`. Without any there is no feed.
pub struct FeedTokens(pub Vec<SecretString>);

/// What was revoked while access tokens issued earlier have not expired yet.
#[derive(Serialize, ToSchema)]
pub struct Revocations {
    /// `after` of the next call.
    #[schema(example = "6f0c3f0e.42")]
    cursor: String,
    /// Whether these are all entries, which replace those of earlier responses.
    snapshot: bool,
    /// Ended sessions: reject tokens whose `sid` is listed.
    sessions: Vec<RevokedSession>,
    /// Changed users: reject tokens whose `uv` is lower than that of their `sub`.
    users: Vec<RevokedUser>,
    /// Retired keys: reject tokens whose `kid` is listed.
    keys: Vec<RevokedKey>,
}

/// A session that has ended.
#[derive(Serialize, ToSchema)]
pub struct RevokedSession {
    /// Id of the session.
    sid: String,
    /// Time at which all its access tokens have expired.
    until: DateTime<Utc>,
}

/// A user whose roles, password or status have changed.
#[derive(Serialize, ToSchema)]
pub struct RevokedUser {
    /// Id of the user.
    sub: String,
    /// Lowest `uv` of a valid token.
    uv: u64,
    /// Time at which all older access tokens have expired.
    until: DateTime<Utc>,
}

/// A signing key that was retired.
#[derive(Serialize, ToSchema)]
pub struct RevokedKey {
    /// Id of the key.
    kid: String,
    /// Time at which the key has left every cache.
    until: DateTime<Utc>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct FeedQuery {
    /// `cursor` of the previous response. Without it, or if the server does not know the cursor, the response is a snapshot.
    after: Option<String>,
    /// Seconds to wait for news. Without it the response is immediate.
    #[param(minimum = 1, maximum = 30)]
    wait: Option<i64>,
}

/// Returns revoked sessions, users and keys.
///
/// The revocation feed tells resource servers what was revoked while tokens issued earlier have not expired yet.
#[utoipa::path(
    get, path = "/revocations", tag = "metadata", params(FeedQuery),
    responses((status = 200, description = "News, or a snapshot", body = Revocations), FeedProblems),
    security(("feed_token" = []))
)]
pub async fn poll_revocations(
    request: HttpRequest,
    context: web::Data<Context>,
    shutdown: web::Data<Shutdown>,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    // An invalid cursor counts as unknown.
    let after = query.take("after", |text| Ok::<_, String>(text.parse::<Cursor>().ok())).flatten();
    let wait = query.take("wait", |text| match text.parse() {
        Ok(seconds @ 1..=MAX_WAIT) => Ok(seconds),
        _ => Err(format!("must be a number of seconds from 1 to {MAX_WAIT}")),
    });
    query.check()?;
    let wait = Duration::from_secs(wait.unwrap_or_default());
    let listen = |wait| context.feed.listen(&context.database, after.as_ref(), wait, context.now());
    let page = tokio::select! {
        page = listen(wait) => page?,
        // The server stops only after this response.
        () = shutdown.begun() => listen(Duration::ZERO).await?,
    };
    Ok(HttpResponse::Ok().json(Revocations::from(page)))
}

/// Access to the feed: the request has a `REVOCATION_FEED_TOKEN`.
pub struct FeedAccess;

impl FromRequest for FeedAccess {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check_token(request).map(|()| Self))
    }
}

fn check_token(request: &HttpRequest) -> Result<(), Problem> {
    let accepted = request.app_data::<web::Data<FeedTokens>>().map_or(&[][..], |tokens| &tokens.0);
    if accepted.is_empty() {
        return Err(Problem::new(Code::NotFound));
    }
    let sent =
        bearer(request)?.ok_or_else(|| Problem::new(Code::MissingToken).challenge(Challenge::NoToken))?;
    let is_sent = |token: &SecretString| {
        verify_slices_are_equal(token.expose_secret().as_bytes(), sent.as_bytes()).is_ok()
    };
    if accepted.iter().any(is_sent) {
        return Ok(());
    }
    Err(Problem::new(Code::InvalidToken).challenge(Challenge::InvalidToken))
}

impl From<Page> for Revocations {
    fn from(page: Page) -> Self {
        let mut all = Self {
            cursor: page.cursor.to_string(),
            snapshot: page.is_snapshot,
            sessions: Vec::new(),
            users: Vec::new(),
            keys: Vec::new(),
        };
        for (revocation, until) in page.entries {
            match revocation {
                Revocation::Session(sid) => {
                    all.sessions.push(RevokedSession { sid: sid.to_string(), until });
                }
                Revocation::User(sub, uv) => {
                    all.users.push(RevokedUser { sub: sub.to_string(), uv, until });
                }
                Revocation::Key(kid) => all.keys.push(RevokedKey { kid, until }),
            }
        }
        all
    }
}
