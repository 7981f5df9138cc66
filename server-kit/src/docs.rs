//! The API reference at `/docs`, and what browsers and crawlers look for on every host. The files are those of `web/`,
//! compiled in.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use url::Url;

use crate::error_table;
use crate::framework_errors::{get_or_head, resource};
use crate::page_files;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// Path, media type and content.
const FILES: [(&str, &str, &str); 13] = [
    ("/docs", HTML, include_str!("../../web/docs/index.html")),
    ("/docs/base.css", STYLE, include_str!("../../web/docs/base.css")),
    ("/docs/docs.css", STYLE, include_str!("../../web/docs/docs.css")),
    ("/docs/icon.svg", IMAGE, include_str!("../../web/docs/icon.svg")),
    ("/docs/docs.js", SCRIPT, include_str!("../../web/docs/docs.js")),
    ("/docs/elements.js", SCRIPT, include_str!("../../web/docs/elements.js")),
    ("/docs/schema.js", SCRIPT, include_str!("../../web/docs/schema.js")),
    ("/docs/client/auth.js", SCRIPT, include_str!("../../web/client/auth.js")),
    ("/docs/client/record.js", SCRIPT, include_str!("../../web/client/record.js")),
    ("/docs/client/server.js", SCRIPT, include_str!("../../web/client/server.js")),
    ("/docs/client/session.js", SCRIPT, include_str!("../../web/client/session.js")),
    ("/docs/client/state.js", SCRIPT, include_str!("../../web/client/state.js")),
    ("/robots.txt", TEXT, "User-agent: *\nDisallow: /\n"),
];
/// Browsers request it for every page without an icon of its own, such as a JSON response.
const FAVICON: &[u8] = include_bytes!("../../web/docs/favicon.ico");

/// Serves the pages. `auth_url` is the auth server whose session the page uses, unless this is that server.
pub fn routes(config: &mut web::ServiceConfig, auth_url: Option<&Url>) {
    let auth_url = auth_url.map(|url| url.origin().ascii_serialization());
    let policy = content_security_policy(auth_url.as_deref());
    for (path, media_type, content) in FILES {
        page(config, path, media_type, policy.clone(), content);
    }
    page(config, "/docs/errors", HTML, policy.clone(), error_table::page());
    let settings = json!({"auth_url": auth_url}).to_string();
    page(config, "/docs/settings.json", "application/json", policy, settings);
    config.service(resource("/favicon.ico", "GET, HEAD").route(get_or_head().to(favicon)));
}

/// Serves a page or a file of a page.
pub fn page(
    config: &mut web::ServiceConfig,
    path: &str,
    media_type: &'static str,
    policy: String,
    content: impl Into<web::Bytes>,
) {
    let content = content.into();
    config.service(resource(path, "GET, HEAD").route(get_or_head().to(move |request: HttpRequest| {
        let response = page_files::respond(&request, media_type, &policy, content.clone());
        async { response }
    })));
}

/// Nothing inline and no other origin, except calls to the auth server.
#[must_use]
pub fn content_security_policy(auth_url: Option<&str>) -> String {
    let auth_url = auth_url.unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {auth_url}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    )
}

async fn favicon() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/x-icon")
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        .body(FAVICON)
}
