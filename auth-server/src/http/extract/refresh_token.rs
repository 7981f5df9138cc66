use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use secrecy::SecretString;
use shared_claims::http::bearer::bearer;
use shared_claims::{Challenge, Code, Problem};

use crate::domain::context::Context;
use crate::domain::sessions::authentication;
use crate::http::cookies::Cookies;
use crate::http::errors::with_challenge;
use crate::http::extract::client_info::requester;
use crate::model::{Session, TokenTransport, User};

/// A refresh token, and how it came.
pub struct Presented {
    /// The token.
    pub token: SecretString,
    /// How it came, and so how its successor goes.
    pub transport: TokenTransport,
}

/// The one refresh token of a request: in `Authorization`, which alone decides where it is present, else in the
/// body or the cookie.
///
/// # Errors
/// `malformed_request` for two at once: which of them is meant must never depend on who reads.
pub fn presented(
    request: &HttpRequest,
    cookies: Cookies,
    body: Option<SecretString>,
) -> Result<Option<Presented>, Problem> {
    let two = || Problem::new(Code::MalformedRequest).detail("There is more than one refresh token.");
    let in_body = |token| Presented { token, transport: TokenTransport::Body };
    if request.headers().contains_key(AUTHORIZATION) {
        let token = bearer(request)?.map(SecretString::from);
        return if body.is_some() { Err(two()) } else { Ok(token.map(in_body)) };
    }
    match (cookies.find(request)?, body) {
        (Some(_), Some(_)) => Err(two()),
        (Some(token), None) => Ok(Some(Presented { token, transport: TokenTransport::Cookie })),
        (None, body) => Ok(body.map(in_body)),
    }
}

/// Every refresh token of a request, for logout and login: whatever is presented ends.
///
/// # Errors
/// `malformed_request` for two `Authorization` headers.
pub fn all_presented(
    request: &HttpRequest,
    cookies: Cookies,
    body: Option<SecretString>,
) -> Result<Vec<SecretString>, Problem> {
    let mut tokens = cookies.find_all(request);
    match bearer(request) {
        Ok(token) => tokens.extend(token.map(SecretString::from)),
        Err(problem) if problem.code() == Code::MalformedRequest => return Err(problem),
        // Nothing that could be ended.
        Err(_) => {}
    }
    tokens.extend(body);
    Ok(tokens)
}

/// The session that a call is made with, and its person.
///
/// # Errors
/// `missing_token`, `invalid_token` or `session_ended`, each with a challenge (RFC 6750 §3).
pub async fn session(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
) -> Result<(Session, User), Problem> {
    session_by_token(request, context, cookies).await.map(|(session, user, _)| (session, user))
}

/// The same, with the token.
///
/// # Errors
/// The same.
pub async fn session_by_token(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
) -> Result<(Session, User, SecretString), Problem> {
    let presented = presented(request, cookies, None)?;
    let presented =
        presented.ok_or_else(|| Problem::new(Code::MissingToken).challenge(Challenge::NoToken))?;
    let requester = requester(request, cookies);
    let found = authentication::by_refresh_token(context, &presented.token, &requester).await;
    found.map(|(session, user)| (session, user, presented.token)).map_err(with_challenge)
}
