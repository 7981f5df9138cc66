//! The demo page: the files of `web/`, compiled in, under the same paths.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpResponse, web};
use serde_json::json;
use server_kit::docs::content_security_policy;
use server_kit::framework_errors::{get_or_head, resource};

use crate::domain::sessions::sign_in_link::SignInLink;
use crate::http::system::sign_in_link;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// Path, media type and content.
const FILES: [(&str, &str, &str); 16] = [
    ("/demo/", HTML, include_str!("../../../../web/demo/index.html")),
    ("/demo/demo.js", SCRIPT, include_str!("../../../../web/demo/demo.js")),
    ("/demo/account.js", SCRIPT, include_str!("../../../../web/demo/account.js")),
    ("/demo/confirmation.js", SCRIPT, include_str!("../../../../web/demo/confirmation.js")),
    ("/demo/events.js", SCRIPT, include_str!("../../../../web/demo/events.js")),
    ("/demo/messages.js", SCRIPT, include_str!("../../../../web/demo/messages.js")),
    ("/demo/servers.js", SCRIPT, include_str!("../../../../web/demo/servers.js")),
    ("/demo/sign_in_link.js", SCRIPT, include_str!("../../../../web/demo/sign_in_link.js")),
    ("/demo/demo.css", STYLE, include_str!("../../../../web/demo/demo.css")),
    ("/demo/account.css", STYLE, include_str!("../../../../web/demo/account.css")),
    ("/demo/icon.svg", IMAGE, include_str!("../../../../web/demo/icon.svg")),
    ("/client/auth.js", SCRIPT, include_str!("../../../../web/client/auth.js")),
    ("/client/record.js", SCRIPT, include_str!("../../../../web/client/record.js")),
    ("/client/server.js", SCRIPT, include_str!("../../../../web/client/server.js")),
    ("/client/session.js", SCRIPT, include_str!("../../../../web/client/session.js")),
    ("/client/state.js", SCRIPT, include_str!("../../../../web/client/state.js")),
];

/// The demo page.
#[derive(Clone)]
pub struct Demo {
    /// The origin of the resource server that the page calls.
    pub api_url: String,
    /// Signs a user in without a password, on a server that another program hosts.
    pub sign_in_link: Option<web::Data<SignInLink>>,
}

pub fn routes(config: &mut web::ServiceConfig, Demo { api_url, sign_in_link }: &Demo) {
    if let Some(link) = sign_in_link {
        let exchange = web::post().to(sign_in_link::exchange);
        config.app_data(link.clone()).service(resource("/demo/sign-in", "POST").route(exchange));
    }
    // Forms cannot be submitted without their script: the URL would contain a password.
    let policy = content_security_policy(Some(api_url));
    let settings = json!({"api_url": api_url});
    for path in ["/", "/demo"] {
        config.service(resource(path, "GET, HEAD").route(get_or_head().to(redirect)));
    }
    config.service(resource("/demo/settings.json", "GET, HEAD").route(get_or_head().to(move || {
        let response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(&settings);
        async { response }
    })));
    for (path, media_type, content) in FILES {
        let policy = policy.clone();
        config.service(resource(path, "GET, HEAD").route(get_or_head().to(move || {
            let response = HttpResponse::Ok()
                .content_type(media_type)
                .insert_header((CACHE_CONTROL, "no-cache"))
                .insert_header((CONTENT_SECURITY_POLICY, policy.as_str()))
                .body(content);
            async { response }
        })));
    }
}

async fn redirect() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/demo/")).finish()
}
