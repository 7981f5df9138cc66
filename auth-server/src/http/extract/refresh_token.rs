use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use secrecy::SecretString;
use shared_claims::http::bearer::bearer;
use shared_claims::{Code, Problem};

use crate::http::Cookies;
use crate::model::TokenTransport;

/// A refresh token, and how the client sent it.
pub struct ReceivedToken {
    pub token: SecretString,
    pub transport: TokenTransport,
}

/// The only refresh token of a request: the one in `Authorization` if there is such a header, else the one in the body or
/// the cookie. Two tokens are a `malformed_request`, because the choice between them would be arbitrary.
pub fn find(
    request: &HttpRequest,
    cookies: Cookies,
    in_body: Option<SecretString>,
) -> Result<Option<ReceivedToken>, Problem> {
    let several =
        || Problem::new(Code::MalformedRequest).detail("The request has more than one refresh token.");
    let received = |token, transport| Some(ReceivedToken { token, transport });
    if request.headers().contains_key(AUTHORIZATION) {
        let token = bearer(request)?.map(SecretString::from);
        return if in_body.is_some() {
            Err(several())
        } else {
            Ok(token.and_then(|token| received(token, TokenTransport::Body)))
        };
    }
    match (cookies.find(request)?, in_body) {
        (Some(_), Some(_)) => Err(several()),
        (Some(token), None) => Ok(received(token, TokenTransport::Cookie)),
        (None, Some(token)) => Ok(received(token, TokenTransport::Body)),
        (None, None) => Ok(None),
    }
}

/// All refresh tokens of a request, for logout and login, which end every session that is presented. Two `Authorization`
/// headers are a `malformed_request`; a malformed token is skipped, because no session belongs to it.
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
    Ok(cookies.find_all(request).into_iter().chain(in_header).chain(in_body).collect())
}
