use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use shared_claims::http::bearer::bearer;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Challenge, Code, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::revocation_feed::{Cursor, Page};
use crate::http::errors::store_problem;
use crate::http::extract::query::Query;
use crate::model::Revocation;

/// The longest that a listener may wait, in seconds: proxies cut off what is silent for longer.
const LONGEST_WAIT: u64 = 30;

/// `REVOCATION_FEED_TOKEN`: who shows one of them may listen. None: there is no feed.
pub struct FeedTokens(pub Vec<SecretString>);

/// What was revoked while access tokens are about that know nothing of it.
#[derive(Serialize, ToSchema)]
pub struct Revocations {
    /// For the next call: `after`.
    #[schema(example = "6f0c3f0e.42")]
    cursor: String,
    /// Whether this is all there is: it replaces what the listener knew.
    snapshot: bool,
    /// Their tokens are over.
    sessions: Vec<RevokedSession>,
    /// Tokens whose `uv` is lower are stale.
    users: Vec<RevokedUser>,
    /// Tokens that they signed are not to be believed.
    keys: Vec<RevokedKey>,
}

/// A session that has ended.
#[derive(Serialize, ToSchema)]
pub struct RevokedSession {
    /// `sid`
    sid: String,
    /// Actor then all its access tokens have expired.
    until: DateTime<Utc>,
}

/// A person whose roles, password or status have changed.
#[derive(Serialize, ToSchema)]
pub struct RevokedUser {
    /// `sub`
    sub: String,
    /// The lowest `uv` that is still good.
    uv: u64,
    /// Actor then all access tokens of before have expired.
    until: DateTime<Utc>,
}

/// A key that was taken out of use.
#[derive(Serialize, ToSchema)]
pub struct RevokedKey {
    /// `kid`
    kid: String,
    /// Actor then every cache has the set without it.
    until: DateTime<Utc>,
}

/// Which part of it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct Part {
    /// `cursor` of the answer before. Without one, or with one of before a restore, the answer is a snapshot.
    after: Option<String>,
    /// How many seconds to wait for news, where there is none. Without it the answer comes at once.
    #[param(minimum = 1, maximum = 30)]
    wait: Option<i64>,
}

/// What resource servers must hear of: ended sessions, changed people, retired keys.
#[utoipa::path(
    get, path = "/revocations", tag = "metadata", params(Part),
    responses(
        (status = 200, description = "What is new, or everything", body = Revocations),
        (status = 401, description = "`missing_token`, `invalid_token`: `REVOCATION_FEED_TOKEN` is needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: `REVOCATION_FEED_TOKEN` is not set at this server", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("feed_token" = []))
)]
pub async fn listen(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    // One that cannot be read is like one of another epoch.
    let after = query.take("after", |text| Ok::<_, String>(text.parse::<Cursor>().ok())).flatten();
    let wait = query.take("wait", |text| match text.parse() {
        Ok(seconds @ 1..=LONGEST_WAIT) => Ok(seconds),
        _ => Err(format!("must be a number of seconds from 1 to {LONGEST_WAIT}")),
    });
    query.check()?;
    let wait = Duration::from_secs(wait.unwrap_or_default());
    let page = context.feed.listen(&context.database, after.as_ref(), wait, context.now()).await;
    Ok(HttpResponse::Ok().json(Revocations::from(page.map_err(|error| store_problem(&error))?)))
}

/// A caller that sent `REVOCATION_FEED_TOKEN`.
pub struct FeedListener;

impl FromRequest for FeedListener {
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
