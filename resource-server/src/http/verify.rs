//! `GET /verify`: authenticates requests on behalf of a reverse proxy (nginx `auth_request`, Traefik and Caddy
//! `forward_auth`).
//!
//! nginx converts every status other than 2xx, 401 and 403 to 500, so the decision is always one of these. The server
//! behind the proxy trusts the headers of a 204. All three are always present: a proxy that copies them one by one would
//! otherwise leave headers of the client in place.

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse};
use shared_claims::http::access_cookie::is_safe;
use shared_claims::http::authenticated::{authenticate_for, missing_token};
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Acr, Authenticated, Challenge, Code, Problem};
use url::form_urlencoded;
use uuid::Uuid;

const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const X_USER_ROLES: HeaderName = HeaderName::from_static("x-user-roles");
const X_SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");
/// The problem code again, for proxies that cannot read the body.
const X_PROBLEM_CODE: HeaderName = HeaderName::from_static("x-problem-code");
/// The method of the original request. Caddy and Traefik set the second header; nginx must be configured to set one.
const ORIGINAL_METHOD: [&str; 2] = ["x-original-method", "x-forwarded-method"];
/// `X-User-Roles` of a user without roles. Many programs treat an empty header as absent.
const NO_ROLES: &str = "-";

/// For reverse proxies: authenticates a request, and returns the user in headers for the server behind the proxy.
///
/// Requires `Authorization` or, if `ACCEPT_COOKIE` is set, the access cookie. The cookie also requires `X-CSRF-Token`,
/// unless `X-Original-Method` or `X-Forwarded-Method` is GET, HEAD or OPTIONS. A missing, unknown or contradictory
/// method counts as unsafe. `?role=admin` requires a role, and `?acr=mfa` a login of that strength or a stronger one.
/// Several parameters require all of them. Any other parameter or strength rejects the request.
#[utoipa::path(
    get,
    path = "/verify", operation_id = "verify",
    security(("access_token" = [])),
    params(
        ("role" = Option<String>, Query, description = "A role that the user must have"),
        ("acr" = Option<String>, Query, description = "The weakest login that is accepted: `1fa`, `mfa` or `phr`"),
        ("X-Original-Method" = Option<String>, Header, description = "Method of the original request"),
        ("X-Forwarded-Method" = Option<String>, Header, description = "Method of the original request"),
    ),
    responses(
        (status = 204, description = "Authenticated", headers(
            ("X-User-Id" = String, description = "Id of the user, a UUID"),
            ("X-User-Roles" = String, description = "Roles of the user, separated by commas; `-` without roles"),
            ("X-Session-Id" = String, description = "Id of the session, a UUID"),
        )),
        (status = 401, description = "`missing_token`, `invalid_token` (also for two tokens), `token_expired`", body = ProblemBody,
            content_type = "application/problem+json", headers(("X-Problem-Code" = String, description = "The code"))),
        (status = 403, description = "`role_required`, `stronger_login_required`", body = ProblemBody,
            content_type = "application/problem+json", headers(("X-Problem-Code" = String, description = "The code"))),
    )
)]
pub async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    decide(&request).await.map_err(|problem| {
        let problem = if problem.code() == Code::MalformedRequest {
            rejected("The request has more than one token.")
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
        match (&*name, value.parse::<Acr>()) {
            ("role", _) => caller.require_role(&value)?,
            ("acr", Ok(acr)) => caller.require_acr(acr, None)?,
            _ => return Err(misconfigured()),
        }
    }
    let claims = caller.claims();
    if !(is_id(&claims.sub) && is_id(&claims.sid) && claims.roles.iter().all(|role| is_role(role))) {
        return Err(rejected("An id or a role in the token is invalid in a header."));
    }
    let roles = if claims.roles.is_empty() { NO_ROLES.to_owned() } else { claims.roles.join(",") };
    Ok(HttpResponse::NoContent()
        .insert_header((X_USER_ID, claims.sub.as_str()))
        .insert_header((X_USER_ROLES, roles))
        .insert_header((X_SESSION_ID, claims.sid.as_str()))
        .finish())
}

/// Whether both headers, where present, name the same safe method. The client can send one of the two itself, which can
/// only make the check stricter.
fn is_original_method_safe(request: &HttpRequest) -> bool {
    let values = ORIGINAL_METHOD.iter().flat_map(|name| request.headers().get_all(*name));
    let methods: Vec<_> = values.map(|value| Method::from_bytes(value.as_bytes()).ok()).collect();
    match methods.split_first() {
        Some((Some(first), rest)) => is_safe(first) && rest.iter().all(|other| other.as_ref() == Some(first)),
        Some((None, _)) | None => false,
    }
}

/// The spelling of the auth server only. Programs that compare ids as text would treat another spelling as another user.
fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text)
}

/// The characters that the auth server allows. A comma would split a role in two.
fn is_role(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// A typing error in the proxy's configuration must not grant access.
fn misconfigured() -> Problem {
    log::error!("rejected a request to /verify with an unknown query parameter or acr");
    Problem::new(Code::RoleRequired)
        .detail("The query parameters are role, and acr with 1fa, mfa or phr.")
        .challenge(Challenge::InsufficientScope)
}

fn rejected(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidToken).detail(detail).challenge(Challenge::InvalidToken)
}
