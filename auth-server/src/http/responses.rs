use actix_web::cookie::Cookie;
use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use secrecy::ExposeSecret;
use serde::Serialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::proofs::Continuation;
use crate::domain::tokens::{AccessToken, IssuedTokens};
use crate::http::Cookies;
use crate::model::{Delivery, DisplayName, Locale, Role, Session, TokenTransport, User, Username};

/// The tokens of a session (RFC 6749 §5.1, with `rotation` and `user`).
#[derive(Serialize, ToSchema)]
pub struct Tokens<'a> {
    /// JWT for resource servers. Absent with `token_delivery` `both_cookies`, which delivers it in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    /// How to send the access token. Absent if `access_token` is.
    #[schema(example = "Bearer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// Only with `token_delivery` `both_cookies`: the value of `X-CSRF-Token`, which resource servers require for all methods
    /// except GET, HEAD and OPTIONS. It stays the same until the password changes, and is also in a cookie that scripts can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<&'a str>,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// Only with `token_delivery` `body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// Number of rotations of the session. Of two responses, the higher one is newer.
    rotation: u64,
    /// The user of the session.
    user: UserBody<'a>,
    /// New recovery codes, shown this once, if the login set up the first second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
    /// After a login with a recovery code.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes_left: Option<i64>,
}

/// What a login with a second factor returns beside the tokens.
#[derive(Default)]
pub struct Recovery {
    pub codes: Option<Vec<String>>,
    pub left: Option<i64>,
}

/// A mail was requested, whether or not one is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Continuation)]
pub struct ContinuationBody<'a> {
    /// Makes the code in the mail valid for this client. Keep it secret.
    continuation: &'a str,
    /// Seconds until it expires. The code expires 10 minutes after the mail is sent.
    expires_in: i64,
}

impl<'a> From<&'a Continuation> for ContinuationBody<'a> {
    fn from(continuation: &'a Continuation) -> Self {
        Self { continuation: continuation.value.expose_secret(), expires_in: continuation.expires_in }
    }
}

/// A user, as the user sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody<'a> {
    /// UUID, the `sub` claim of access tokens.
    id: String,
    /// Normalized e-mail address.
    email: &'a str,
    /// Whether the user has proved that the address is theirs.
    email_verified: bool,
    /// Alternative to the e-mail address at login.
    username: Option<&'a str>,
    /// Display name.
    name: Option<&'a str>,
    /// Language of mails, if the user chose one.
    locale: Option<&'a str>,
    /// All roles of the user.
    #[schema(value_type = Vec<String>)]
    roles: &'a [Role],
    /// Whether a login requires a second factor.
    second_factor: bool,
    /// Roles that this session does not have, because they require a second factor. Absent where the request has no session.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    roles_withheld: Option<Vec<Role>>,
}

impl UserBody<'_> {
    pub fn without_roles(self, withheld: Vec<Role>) -> Self {
        Self { roles_withheld: Some(withheld), ..self }
    }
}

impl<'a> From<&'a User> for UserBody<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str(),
            email_verified: user.email_verified_at.is_some(),
            username: user.username.as_ref().map(Username::as_str),
            name: user.name.as_ref().map(DisplayName::as_str),
            locale: user.locale.as_ref().map(Locale::as_str),
            roles: &user.roles,
            second_factor: user.second_factor,
            roles_withheld: None,
        }
    }
}

impl<'a> Tokens<'a> {
    fn without_refresh_token(issued: &'a IssuedTokens) -> Self {
        let IssuedTokens { access_token, session, user, withheld_roles, .. } = issued;
        let in_body = session.delivery != Delivery::BothCookies;
        Self {
            access_token: in_body.then_some(access_token.token.as_str()),
            token_type: in_body.then_some("Bearer"),
            csrf_token: access_token.csrf.as_deref(),
            expires_in: access_token.expires_in,
            refresh_token: None,
            rotation: session.generation.get(),
            user: UserBody::from(user).without_roles(withheld_roles.clone()),
            recovery_codes: None,
            recovery_codes_left: None,
        }
    }
}

/// The tokens of a new session. It replaces the session of the request's cookies: clears those that it does not overwrite.
pub fn new_session(
    response: HttpResponseBuilder,
    request: &HttpRequest,
    cookies: Cookies,
    issued: &IssuedTokens,
) -> HttpResponse {
    new_session_with(response, request, cookies, issued, Recovery::default())
}

/// The same for a login with a second factor.
pub fn new_session_with(
    mut response: HttpResponseBuilder,
    request: &HttpRequest,
    cookies: Cookies,
    issued: &IssuedTokens,
    recovery: Recovery,
) -> HttpResponse {
    let cleared = match issued.session.delivery {
        Delivery::Body if !cookies.find_all(request).is_empty() => cookies.own_cleared(request),
        Delivery::Body | Delivery::RefreshCookie => cookies.access_cleared(request),
        Delivery::BothCookies => Vec::new(),
    };
    for cookie in cookies.shadowing(request).into_iter().chain(cleared) {
        response.cookie(cookie);
    }
    tokens(response, cookies, issued, recovery)
}

/// The next tokens of a session.
pub fn rotated(request: &HttpRequest, cookies: Cookies, issued: &IssuedTokens) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for cookie in cookies.shadowing(request) {
        response.cookie(cookie);
    }
    tokens(response, cookies, issued, Recovery::default())
}

/// A pair of tokens, delivered as the session requires.
fn tokens(
    mut response: HttpResponseBuilder,
    cookies: Cookies,
    issued: &IssuedTokens,
    Recovery { codes: recovery_codes, left: recovery_codes_left }: Recovery,
) -> HttpResponse {
    let IssuedTokens { access_token, refresh_token, session, device, .. } = issued;
    set_access_cookies(&mut response, cookies, access_token, session);
    let refresh_token = match session.delivery.transport() {
        TokenTransport::Cookie => {
            let max_age = session.remember.then_some(access_token.session_ends_in);
            response.cookie(cookies.refresh_token(refresh_token, max_age));
            None
        }
        TokenTransport::Body => Some(refresh_token.expose_secret()),
    };
    if let Some(device) = device {
        response.cookie(cookies.device(device));
    }
    let tokens = Tokens::without_refresh_token(issued);
    response.json(Tokens { refresh_token, recovery_codes, recovery_codes_left, ..tokens })
}

pub fn with_cookies(problem: Problem, cookies: impl IntoIterator<Item = Cookie<'static>>) -> Problem {
    let add = |problem: Problem, cookie: Cookie| problem.header(SET_COOKIE, &cookie.to_string());
    cookies.into_iter().fold(problem, add)
}

pub fn no_content(cookies: impl IntoIterator<Item = Cookie<'static>>) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    for cookie in cookies {
        response.cookie(cookie);
    }
    response.finish()
}

fn set_access_cookies(
    response: &mut HttpResponseBuilder,
    cookies: Cookies,
    access_token: &AccessToken,
    session: &Session,
) {
    let Some(csrf) = &access_token.csrf else { return };
    let max_age = |seconds| session.remember.then_some(seconds);
    response.cookie(cookies.access_token(&access_token.token, max_age(access_token.expires_in)));
    response.cookie(cookies.csrf_token(csrf, max_age(access_token.session_ends_in)));
}
