//! `GET /verify`: a reverse proxy asks who is calling before it lets a request through.
//!
//! nginx makes a 500 of every status but 2xx, 401 and 403, so that whatever can be decided is one of these. What stands
//! in the headers of a 204 is believed by whoever is behind the proxy: all three are always there, as a proxy that
//! copies headers one by one would otherwise leave those of the client in place.

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use shared_claims::http::access_cookie::is_safe;
use shared_claims::http::authenticated::{authenticate_for, missing_token};
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Authenticated, Challenge, Code, Problem};
use url::form_urlencoded;
use uuid::Uuid;

const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const X_USER_ROLES: HeaderName = HeaderName::from_static("x-user-roles");
const X_SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");
/// The code of a refusal once more, for proxies that see the headers of our answers and not the bodies.
const X_PROBLEM_CODE: HeaderName = HeaderName::from_static("x-problem-code");
/// Where proxies write the method that they were asked by: nginx as it is told to, Caddy and Traefik by themselves.
const ORIGINAL_METHOD: [&str; 2] = ["x-original-method", "x-forwarded-method"];
/// What a proxy is told of somebody who has no roles: an empty header looks to many like one that is not there.
const NO_ROLES: &str = "-";

/// For reverse proxies: who is calling, in headers for the server behind them.
///
/// With `Authorization`, or with the access cookie where `ACCEPT_COOKIE` is set. The cookie needs `X-CSRF-Token` too, unless
/// `X-Original-Method` or `X-Forwarded-Method` says GET, HEAD or OPTIONS; absent, unknown and contradictory ones count as unsafe.
/// `?role=admin` asks for a role; several ask for all of them, and any other parameter lets nobody through.
#[utoipa::path(
    get,
    path = "/verify", operation_id = "verify",
    security(("access_token" = [])),
    params(
        ("role" = Option<String>, Query, description = "A role that the person must have"),
        ("X-Original-Method" = Option<String>, Header, description = "The method that the proxy was asked by"),
        ("X-Forwarded-Method" = Option<String>, Header, description = "The same"),
    ),
    responses(
        (status = 204, description = "Let it through", headers(
            ("X-User-Id" = String, description = "The person, a UUID"),
            ("X-User-Roles" = String, description = "What they may do, separated by commas; `-` where there is nothing"),
            ("X-Session-Id" = String, description = "The session, a UUID"),
        )),
        (status = 401, description = "`missing_token`, `invalid_token` (also for two tokens), `token_expired`", body = ProblemBody,
            content_type = "application/problem+json", headers(("X-Problem-Code" = String, description = "The code"))),
        (status = 403, description = "`role_required`", body = ProblemBody,
            content_type = "application/problem+json", headers(("X-Problem-Code" = String, description = "The code"))),
        (status = 503, description = "`unavailable`: no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    decide(&request).await.map_err(|problem| {
        let problem = if problem.code() == Code::MalformedRequest {
            refused("There is more than one token.")
        } else {
            problem
        };
        let code = problem.code().as_str();
        problem.header(X_PROBLEM_CODE, code)
    })
}

async fn decide(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let caller: Option<Authenticated> = authenticate_for(request, is_original_method_safe(request)).await?;
    let caller = caller.ok_or_else(|| missing_token(request))?;
    for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
        if name != "role" {
            // A slip in the proxy's configuration must not open what it was to close.
            log::error!("/verify was asked with a parameter that it does not know, and lets nobody through");
            return Err(Problem::new(Code::RoleRequired)
                .detail("The only parameter there is is role.")
                .challenge(Challenge::InsufficientScope));
        }
        caller.require_role(&value)?;
    }
    let claims = caller.claims();
    if !(is_id(&claims.sub) && is_id(&claims.sid) && claims.roles.iter().all(|role| is_role(role))) {
        return Err(refused("An id or a role in the token is none that could stand in a header."));
    }
    let roles = if claims.roles.is_empty() { NO_ROLES.to_owned() } else { claims.roles.join(",") };
    Ok(HttpResponse::NoContent()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_USER_ID, claims.sub.as_str()))
        .insert_header((X_USER_ROLES, roles))
        .insert_header((X_SESSION_ID, claims.sid.as_str()))
        .finish())
}

/// Whether all that is said of the method says the same, and that it changes nothing. One of the two headers may be the
/// client's own: it can then make us stricter, and no more.
fn is_original_method_safe(request: &HttpRequest) -> bool {
    let said = ORIGINAL_METHOD.iter().flat_map(|name| request.headers().get_all(*name));
    let methods: Vec<_> = said.map(|value| Method::from_bytes(value.as_bytes()).ok()).collect();
    match methods.split_first() {
        Some((Some(first), rest)) => is_safe(first) && rest.iter().all(|other| other.as_ref() == Some(first)),
        Some((None, _)) | None => false,
    }
}

/// As we write them: other spellings of the same id would be other people to whoever compares them.
fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text)
}

/// As the auth server allows them. A comma in one would make two of it.
fn is_role(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_known)
}

fn refused(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidToken).detail(detail).challenge(Challenge::InvalidToken)
}
