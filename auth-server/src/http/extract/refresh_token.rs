use actix_web::HttpRequest;
use secrecy::SecretString;
use shared_claims::http::bearer::bearer;
use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::http::{Cookies, responses};
use crate::model::TokenTransport;

/// How many cookies of one name are tried.
const MAX_COOKIES: usize = 10;

/// A refresh token, and how the client sent it.
pub struct ReceivedToken {
    pub token: SecretString,
    pub transport: TokenTransport,
}

impl ReceivedToken {
    fn in_body(token: impl Into<SecretString>) -> Self {
        Self { token: token.into(), transport: TokenTransport::Body }
    }
}

/// The refresh token of a call in a session. A bearer token decides alone, and the cookie is not read.
pub fn find(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
) -> Result<Option<ReceivedToken>, Problem> {
    match bearer(request)? {
        Some(token) => Ok(Some(ReceivedToken::in_body(token))),
        None => in_cookie(request, context, cookies),
    }
}

/// The only refresh token of a refresh: in `Authorization`, in the body or in the cookie. Two are a `malformed_request`,
/// because the choice between them would be arbitrary. Programs add `Authorization` to every request, for example the access
/// token: a bearer token that is no refresh token counts only if there is nothing else.
pub fn find_to_refresh(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
    in_body: Option<SecretString>,
) -> Result<Option<ReceivedToken>, Problem> {
    let several = || malformed("The request has more than one refresh token.");
    let in_header = match bearer(request) {
        Err(problem) if problem.code() == Code::MalformedRequest => return Err(problem),
        other => other.map(|token| token.map(SecretString::from)),
    };
    if let Ok(Some(token)) = &in_header
        && context.refresh_tokens.read_even_expired(token).is_ok()
    {
        return if in_body.is_some() {
            Err(several())
        } else {
            Ok(Some(ReceivedToken::in_body(token.clone())))
        };
    }
    match (in_cookie(request, context, cookies)?, in_body) {
        (Some(_), Some(_)) => Err(several()),
        (Some(received), None) => Ok(Some(received)),
        (None, Some(token)) => Ok(Some(ReceivedToken::in_body(token))),
        (None, None) => Ok(in_header?.map(ReceivedToken::in_body)),
    }
}

/// All refresh tokens of a request, for logout and login, which end every session that is presented. Two `Authorization`
/// headers or more than [`MAX_COOKIES`] are a `malformed_request`; a malformed token is skipped, because no session belongs to it.
pub fn find_all(
    request: &HttpRequest,
    cookies: Cookies,
    in_body: Option<SecretString>,
) -> Result<Vec<SecretString>, Problem> {
    let in_header = match bearer(request) {
        Ok(token) => token.map(SecretString::from),
        Err(problem) if problem.code() == Code::MalformedRequest => return Err(problem),
        Err(_) => None,
    };
    let in_cookies = cookies.find_all(request);
    if in_cookies.len() > MAX_COOKIES {
        // Each would cost a query in one transaction, which other writers wait for.
        return Err(too_many_cookies(request, cookies));
    }
    Ok(in_cookies.into_iter().chain(in_header).chain(in_body).collect())
}

/// The refresh token in the cookie. Another program on the same host can have set cookies of this name: those that are no
/// refresh tokens of this server are skipped. Tokens of two sessions are a `malformed_request`: an attacker can have planted
/// one.
fn in_cookie(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
) -> Result<Option<ReceivedToken>, Problem> {
    let received = |token| Some(ReceivedToken { token, transport: TokenTransport::Cookie });
    let mut all = cookies.find_all(request);
    if all.len() <= 1 {
        return Ok(all.pop().and_then(received));
    }
    if all.len() > MAX_COOKIES {
        return Err(too_many_cookies(request, cookies));
    }
    let tokens = &context.refresh_tokens;
    let mut own: Vec<_> = all.iter().filter_map(|value| Some((tokens.read(value).ok()?, value))).collect();
    if own.is_empty() {
        let expired = |value| Some((tokens.read_even_expired(value).ok()?, value));
        own = all.iter().filter_map(expired).collect();
    }
    if own.windows(2).any(|pair| pair[0].0.session != pair[1].0.session) {
        let problem = malformed("The request has refresh cookies of more than one session.");
        return Err(responses::with_cookies(problem, cookies.shadowing(request)));
    }
    let newest = own.into_iter().max_by_key(|(token, _)| token.generation).map(|(_, value)| value.clone());
    Ok(newest.or_else(|| all.pop()).and_then(received))
}

fn too_many_cookies(request: &HttpRequest, cookies: Cookies) -> Problem {
    let problem = malformed("The request has too many refresh cookies.");
    responses::with_cookies(problem, cookies.shadowing(request))
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(Code::MalformedRequest).detail(detail)
}
