use actix_web::{HttpResponse, HttpResponseBuilder};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::Cookies;
use crate::domain::{AccessToken, IssuedTokens};
use crate::model::{Delivery, Role, Session, User};

/// What a login, a registration and a refresh answer (RFC 6749 §5.1, with `rotation` and `user`).
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// JWT for resource servers.
    access_token: String,
    /// How to send it.
    #[schema(example = "Bearer")]
    token_type: &'static str,
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
    /// An access token alone.
    pub fn without_refresh_token(access_token: &AccessToken, session: &Session, user: &User) -> Self {
        Self {
            access_token: access_token.token.clone(),
            token_type: "Bearer",
            expires_in: access_token.expires_in,
            refresh_token: None,
            rotation: session.generation.get(),
            user: UserBody::from(user),
        }
    }
}

/// Hands out tokens the way that the session's delivery says.
pub fn tokens(mut response: HttpResponseBuilder, cookies: Cookies, issued: &IssuedTokens) -> HttpResponse {
    let refresh_token = match issued.session.delivery {
        Delivery::RefreshCookie => {
            let max_age = issued.session.remember.then_some(issued.session_ends_in);
            response.cookie(cookies.refresh_token(&issued.refresh_token, max_age));
            None
        }
        Delivery::Body => Some(issued.refresh_token.expose_secret().to_owned()),
    };
    if let Some(device) = &issued.device {
        response.cookie(cookies.device(device));
    }
    let tokens = Tokens::without_refresh_token(&issued.access_token, &issued.session, &issued.user);
    response.json(Tokens { refresh_token, ..tokens })
}
