use actix_web::{HttpResponse, HttpResponseBuilder};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::tokens::{AccessToken, IssuedTokens};
use crate::http::cookies::Cookies;
use crate::model::{Delivery, Role, Session, TokenTransport, User};

/// What a login, a registration and a refresh answer (RFC 6749 §5.1, with `rotation` and `user`).
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// JWT for resource servers. With `token_delivery` `both_cookies` it is in a cookie alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// How to send the access token; there is none where there is no access token.
    #[schema(example = "Bearer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// Only with `token_delivery` `both_cookies`: what to send as `X-CSRF-Token` to resource servers, with every method but GET,
    /// HEAD and OPTIONS. The same for all of the session, and in a cookie that scripts can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// Seconds for which the access token is good.
    expires_in: i64,
    /// Only with `token_delivery` `body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The session's generation: of two answers, the one with the higher is the newer.
    rotation: u64,
    /// Who is logged in.
    user: UserBody,
}

/// A person, as they see themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody {
    /// UUID; `sub` of the access token.
    id: String,
    /// Normalised.
    email: String,
    /// To log in with, where there is one.
    username: Option<String>,
    /// How to greet them, where it was given.
    name: Option<String>,
    /// What they may do.
    roles: Vec<String>,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            username: user.username.as_ref().map(|name| name.as_str().to_owned()),
            name: user.name.as_ref().map(|name| name.as_str().to_owned()),
            roles: user.roles.iter().map(Role::as_str).map(str::to_owned).collect(),
        }
    }
}

impl Tokens {
    fn without_refresh_token(access_token: &AccessToken, session: &Session, user: &User) -> Self {
        let in_body = session.delivery != Delivery::BothCookies;
        Self {
            access_token: in_body.then(|| access_token.token.clone()),
            token_type: in_body.then_some("Bearer"),
            csrf_token: access_token.csrf.clone(),
            expires_in: access_token.expires_in,
            refresh_token: None,
            rotation: session.generation.get(),
            user: UserBody::from(user),
        }
    }
}

/// Hands out tokens the way that the session's delivery says.
pub fn tokens(mut response: HttpResponseBuilder, cookies: Cookies, issued: &IssuedTokens) -> HttpResponse {
    let IssuedTokens { access_token, refresh_token, session, user, device } = issued;
    set_access_cookies(&mut response, cookies, access_token, session);
    let refresh_token = match session.delivery.transport() {
        TokenTransport::Cookie => {
            let max_age = session.remember.then_some(access_token.session_ends_in);
            response.cookie(cookies.refresh_token(refresh_token, max_age));
            None
        }
        TokenTransport::Body => Some(refresh_token.expose_secret().to_owned()),
    };
    if let Some(device) = device {
        response.cookie(cookies.device(device));
    }
    let tokens = Tokens::without_refresh_token(access_token, session, user);
    response.json(Tokens { refresh_token, ..tokens })
}

/// Hands out an access token alone, likewise.
pub fn fresh_access_token(
    cookies: Cookies,
    access_token: &AccessToken,
    session: &Session,
    user: &User,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    set_access_cookies(&mut response, cookies, access_token, session);
    response.json(Tokens::without_refresh_token(access_token, session, user))
}

/// Sets those cookies, where the session's delivery wants them.
fn set_access_cookies(
    response: &mut HttpResponseBuilder,
    cookies: Cookies,
    access_token: &AccessToken,
    session: &Session,
) {
    let Some(csrf) = &access_token.csrf else { return };
    let lasting = |seconds| session.remember.then_some(seconds);
    response.cookie(cookies.access_token(&access_token.token, lasting(access_token.expires_in)));
    response.cookie(cookies.csrf_token(csrf, lasting(access_token.session_ends_in)));
}
