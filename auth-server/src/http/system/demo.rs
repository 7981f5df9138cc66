//! The demo page: the files of `web/demo/`, compiled in, under the same paths.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpResponse, web};
use serde_json::json;
use server_kit::docs::{content_security_policy, page};
use server_kit::framework_errors::{get_or_head, resource};

use crate::domain::sessions::sign_in_link::SignInLink;
use crate::http::pages::Links;
use crate::http::system::pages::Pages;
use crate::http::system::sign_in_link;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Path, media type and content.
const FILES: [(&str, &str, &str); 28] = [
    ("/demo/", HTML, include_str!("../../../../web/demo/index.html")),
    ("/demo/demo.js", SCRIPT, include_str!("../../../../web/demo/demo.js")),
    ("/demo/account.js", SCRIPT, include_str!("../../../../web/demo/account.js")),
    ("/demo/calls.js", SCRIPT, include_str!("../../../../web/demo/calls.js")),
    ("/demo/claims.js", SCRIPT, include_str!("../../../../web/demo/claims.js")),
    ("/demo/code_form.js", SCRIPT, include_str!("../../../../web/demo/code_form.js")),
    ("/demo/confirmation.js", SCRIPT, include_str!("../../../../web/demo/confirmation.js")),
    ("/demo/curl.js", SCRIPT, include_str!("../../../../web/demo/curl.js")),
    ("/demo/email.js", SCRIPT, include_str!("../../../../web/demo/email.js")),
    ("/demo/events.js", SCRIPT, include_str!("../../../../web/demo/events.js")),
    ("/demo/experiments.js", SCRIPT, include_str!("../../../../web/demo/experiments.js")),
    ("/demo/forms.js", SCRIPT, include_str!("../../../../web/demo/forms.js")),
    ("/demo/messages.js", SCRIPT, include_str!("../../../../web/demo/messages.js")),
    ("/demo/network.js", SCRIPT, include_str!("../../../../web/demo/network.js")),
    ("/demo/scenarios.js", SCRIPT, include_str!("../../../../web/demo/scenarios.js")),
    ("/demo/sequence.js", SCRIPT, include_str!("../../../../web/demo/sequence.js")),
    ("/demo/servers.js", SCRIPT, include_str!("../../../../web/demo/servers.js")),
    ("/demo/sign_in.js", SCRIPT, include_str!("../../../../web/demo/sign_in.js")),
    ("/demo/sign_in_link.js", SCRIPT, include_str!("../../../../web/demo/sign_in_link.js")),
    ("/demo/signature.js", SCRIPT, include_str!("../../../../web/demo/signature.js")),
    ("/demo/tabs.js", SCRIPT, include_str!("../../../../web/demo/tabs.js")),
    ("/demo/timeline.js", SCRIPT, include_str!("../../../../web/demo/timeline.js")),
    ("/demo/token.js", SCRIPT, include_str!("../../../../web/demo/token.js")),
    ("/demo/verdicts.js", SCRIPT, include_str!("../../../../web/demo/verdicts.js")),
    ("/demo/view.js", SCRIPT, include_str!("../../../../web/demo/view.js")),
    ("/demo/demo.css", STYLE, include_str!("../../../../web/demo/demo.css")),
    ("/demo/account.css", STYLE, include_str!("../../../../web/demo/account.css")),
    ("/demo/timeline.css", STYLE, include_str!("../../../../web/demo/timeline.css")),
];

/// The demo page.
#[derive(Clone)]
pub struct Demo {
    /// The origin of the resource server that the page calls.
    pub api_url: String,
    /// Signs a user in without a password, on a server that another program hosts.
    pub sign_in_link: Option<web::Data<SignInLink>>,
}

/// `pages`: the other pages, to which this one links.
pub fn routes(config: &mut web::ServiceConfig, Demo { api_url, sign_in_link }: &Demo, pages: &Pages) {
    if let Some(link) = sign_in_link {
        let exchange = web::post().to(sign_in_link::exchange);
        config.app_data(link.clone()).service(resource("/demo/sign-in", "POST").route(exchange));
    }
    // Forms cannot be submitted without their script: the URL would contain a password.
    let policy = content_security_policy(Some(api_url));
    let options = &pages.renderer.options;
    let settings = json!({
        "api_url": api_url,
        "has_mail": options.links == Links::Mailed,
        "has_mailbox": pages.mailbox_host.is_some(),
        "has_pages": options.enabled,
    });
    for path in ["/", "/demo"] {
        config.service(resource(path, "GET, HEAD").route(get_or_head().to(redirect)));
    }
    config.service(resource("/demo/settings.json", "GET, HEAD").route(get_or_head().to(move || {
        let response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(&settings);
        async { response }
    })));
    for (path, media_type, content) in FILES {
        page(config, path, media_type, policy.clone(), content);
    }
}

async fn redirect() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/demo/")).finish()
}
