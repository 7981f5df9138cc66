//! Pages beside the API: the start page, the API reference, and what browsers and researchers look for on every host.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpResponse, web};
use chrono::{SecondsFormat, TimeDelta};
use server_kit::docs;
use server_kit::framework_errors::{get_or_head, resource};

use crate::domain::context::Context;
use crate::http::pages::{self, Renderer};
use crate::http::system::client;
use crate::http::system::demo::{self, Demo};
use crate::http::system::mailbox;

/// RFC 9116 §2.5.5 recommends less than a year.
const SECURITY_TXT_LIFETIME: TimeDelta = TimeDelta::days(180);
/// Of the demo page.
const DEMO_PASSWORD_FORM: &str = "/demo/#password";

const HOME: &str = r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Latchkey auth server</title>
    <link rel="icon" href="favicon.ico" />
    <link rel="stylesheet" href="docs/base.css" />
    <link rel="stylesheet" href="docs/docs.css" />
  </head>
  <body>
    <header class="topbar">
      <span class="brand"><img src="docs/icon.svg" alt="" width="28" height="28" /> Latchkey</span>
      <span class="badge">Version {version}</span>
    </header>
    <main>
      <div class="intro">
        <h1>Latchkey auth server</h1>
        <p>Signs users in and issues access tokens for APIs.</p>
      </div>
      <ul class="card links">
{pages}        <li><a href="docs">API reference</a></li>
        <li><a href="docs/errors">Error codes</a></li>
        <li><a href="openapi.json">OpenAPI document</a></li>
        <li><a href=".well-known/oauth-authorization-server">Metadata</a></li>
        <li><a href="readyz">Health</a></li>
      </ul>
    </main>
  </body>
</html>
"#;
/// With `PAGES=on`.
const HOME_PAGES: &str = r#"        <li><a href="login">Sign in</a></li>
        <li><a href="account">Your account</a></li>
        <li><a href="admin/">Console for administrators</a></li>
"#;

/// The pages that the settings enable.
#[derive(Clone)]
pub struct Pages {
    pub has_home: bool,
    pub demo: Option<Demo>,
    pub security_contact: Option<String>,
    pub change_password_url: Option<String>,
    /// The host of the mailbox page, on a server that another program hosts.
    pub mailbox_host: Option<String>,
    /// Of the pages for people.
    pub renderer: web::Data<Renderer>,
}

pub fn routes(config: &mut web::ServiceConfig, pages: &Pages) {
    docs::routes(config, None);
    if let Some(demo) = &pages.demo {
        demo::routes(config, demo, pages);
    } else if pages.has_home {
        let links = if pages.renderer.options.enabled { HOME_PAGES } else { "" };
        let html = HOME.replace("{version}", env!("CARGO_PKG_VERSION")).replace("{pages}", links);
        docs::page(config, "/", "text/html; charset=utf-8", docs::content_security_policy(None), html);
    }
    client::routes(config);
    pages::routes(config, &pages.renderer);
    if let Some(host) = &pages.mailbox_host {
        mailbox::routes(config, host);
    }
    let of_demo = pages.demo.as_ref().map(|_| DEMO_PASSWORD_FORM.to_owned());
    if let Some(url) = pages.change_password_url.clone().or(of_demo) {
        let redirect = move || {
            let response = HttpResponse::TemporaryRedirect().insert_header((LOCATION, url.as_str())).finish();
            async { response }
        };
        config
            .service(resource("/.well-known/change-password", "GET, HEAD").route(get_or_head().to(redirect)));
    }
    if let Some(contact) = pages.security_contact.clone() {
        let respond = move |context: web::Data<Context>| {
            let response = security_txt(&context, &contact);
            async { response }
        };
        config.service(resource("/.well-known/security.txt", "GET, HEAD").route(get_or_head().to(respond)));
    }
}

/// RFC 9116. `Expires` moves with the clock: the contact is valid as long as the server is configured with it.
fn security_txt(context: &Context, contact: &str) -> HttpResponse {
    let expires = (context.now() + SECURITY_TXT_LIFETIME).to_rfc3339_opts(SecondsFormat::Secs, true);
    let issuer = &context.policy.issuer;
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "max-age=86400"))
        .body(format!(
            "Contact: {contact}\nExpires: {expires}\nCanonical: {issuer}/.well-known/security.txt\n"
        ))
}
