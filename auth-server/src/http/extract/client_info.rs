use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpRequest};
use server_kit::real_ip::client_ip;
use shared_claims::Problem;

use crate::http::Cookies;
use crate::http::arrival::arrived_at;
use crate::http::extract::{accept_language, app_data};
use crate::model::ClientInfo;

/// `User-Agent` headers are stored and displayed up to this length.
const MAX_USER_AGENT_CHARS: usize = 256;
/// Enough for the languages that a person speaks.
const MAX_LANGUAGE_CHARS: usize = 100;

impl FromRequest for ClientInfo {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(app_data::<Cookies>(request).map(|cookies| ClientInfo {
            ip: client_ip(request),
            user_agent: user_agent(request),
            accept_language:
                accept_language(request).map(|text| text.chars().take(MAX_LANGUAGE_CHARS).collect()),
            device: cookies.find_device(request),
            arrived_at: arrived_at(request),
            by: None,
        }))
    }
}

fn user_agent(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect())
}
