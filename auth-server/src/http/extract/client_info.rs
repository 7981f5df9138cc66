use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
pub use server_kit::real_ip::client_ip as address;

use crate::http::cookies::Cookies;
use crate::model::ClientInfo;

/// Longest `User-Agent` that is kept, in characters: it is shown to people, and written by anybody.
const MAX_USER_AGENT: usize = 256;

/// Who asks.
pub fn requester(request: &HttpRequest, cookies: Cookies) -> ClientInfo {
    ClientInfo {
        ip: address(request),
        user_agent: user_agent(request),
        device: cookies.find_device(request),
        by: None,
    }
}

/// What the client says to be, cut to size and without control characters.
fn user_agent(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect())
}
