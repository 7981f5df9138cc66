//! The HTTP server: app data and middleware.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{App, cookie, web};
use secrecy::SecretString;
use server_kit::cors::{CorsPolicy, cors};
use server_kit::http_server::{self, Shutdown};
use server_kit::metrics::HttpMetrics;
use server_kit::middleware::handle_request;
use server_kit::openapi::ApiDocument;
use server_kit::real_ip::TrustedProxies;
use server_kit::tls::Tls;
use shared_claims::AccessTokenValidator;

use crate::domain::context::Context;
use crate::domain::sessions::sign_in_link::SignInLink;
use crate::http::{
    Brand, Cookies, Demo, FeedTokens, Links, LoginRateLimit, PageOptions, Pages, Renderer, TrustedOrigins,
    check_origin, record_arrival, routes,
};
use crate::model::Delivery;
use crate::settings::{PageDelivery, Registration, SameSite, Secrets, Settings, Switch};

/// Methods that pages of other origins may use.
const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE];

/// What the server works with, beside its settings.
pub struct Parts {
    pub feed_tokens: Vec<SecretString>,
    pub context: Arc<Context>,
    pub metrics: Option<HttpMetrics>,
    pub sign_in_link: Option<Arc<SignInLink>>,
    pub renderer: Renderer,
    pub tls: Option<Tls>,
}

/// What renders the pages.
///
/// # Errors
/// One line that names the setting.
pub fn renderer(settings: &Settings, secrets: &Secrets, context: &Context) -> Result<Renderer, String> {
    let links = if settings.mail.is_on() {
        Links::Mailed
    } else if secrets.key_encryption.is_none() {
        Links::None
    } else {
        Links::Invitations
    };
    let look = &settings.pages;
    let brand = Brand::new(look.brand_name.clone(), look.brand_logo_file.as_deref(), look.brand_accent)?;
    Renderer::new(PageOptions {
        enabled: settings.pages.pages == Switch::On,
        delivery: match settings.pages.pages_token_delivery {
            PageDelivery::RefreshCookie => Delivery::RefreshCookie,
            PageDelivery::BothCookies => Delivery::BothCookies,
        },
        texts: settings.pages.page_texts.clone(),
        locale: settings.mail.mail_locale.clone(),
        brand,
        issuer: settings.issuer.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        registration_open: settings.registration == Registration::Open,
        has_passkeys: context.passkeys.is_some(),
        links,
        mail_languages: context.languages.all().map(str::to_owned).collect(),
        are_linked: settings.mail.mail_links.is_none(),
    })
}

/// Prepares the server. It responds once the result is polled.
pub fn serve(settings: &Settings, parts: Parts, listener: TcpListener) -> io::Result<Server> {
    let Parts { feed_tokens, context, metrics, sign_in_link, renderer, tls } = parts;
    let feed_tokens = web::Data::new(FeedTokens(feed_tokens));
    let cookies = Cookies::new(settings.cookie_secure, same_site(settings.cookie_samesite));
    let rate_limit =
        web::Data::new(LoginRateLimit::new(settings.login_rate_per_ip, settings.mail_rate_per_ip));
    let proxies = TrustedProxies::new(settings.trusted_proxies.clone());
    let proxies = web::Data::new(proxies.with_issuer(&settings.issuer(), tls.is_some()));
    let (origins, headers) = (settings.allowed_origins.clone(), settings.allowed_headers.clone());
    let cors_policy = web::Data::new(CorsPolicy::new(origins, headers, &settings.issuer));
    let origins = web::Data::new(TrustedOrigins::new(&settings.issuer, cors_policy.clone()));
    let access_tokens = web::Data::new(access_token_validator(&context));
    let context = web::Data::from(context);
    let metrics = metrics.map(web::Data::new);
    let document = web::Data::new(ApiDocument::default());
    let sign_in_link = sign_in_link.map(web::Data::from);
    let pages = Pages {
        has_home: settings.pages.home_page,
        demo: settings.pages.demo_api_url.clone().map(|api_url| Demo { api_url, sign_in_link }),
        security_contact: settings.pages.security_contact.clone(),
        change_password_url: settings.pages.change_password_url.as_ref().map(ToString::to_string),
        renderer: web::Data::new(renderer),
        mailbox_host: settings
            .mail
            .mailbox_page
            .then(|| settings.issuer.host_str().map(str::to_owned))
            .flatten(),
    };
    let shutdown = Shutdown::default();
    let options = http_server::Options {
        workers: settings.workers,
        keep_alive: settings.keep_alive,
        trusted_proxies: proxies.clone(),
        tls,
        shutdown: shutdown.clone(),
    };
    // The last `wrap` is the outermost.
    let app = move || {
        App::new()
            .app_data(context.clone())
            .app_data(feed_tokens.clone())
            .app_data(cookies)
            .app_data(rate_limit.clone())
            .app_data(proxies.clone())
            .app_data(web::Data::new(shutdown.clone()))
            .app_data(origins.clone())
            .app_data(document.clone())
            .app_data(access_tokens.clone())
            .configure(|config| {
                if let Some(metrics) = &metrics {
                    config.app_data(metrics.clone());
                }
                routes(config, &pages);
            })
            .wrap(cors(&cors_policy, &METHODS))
            .wrap(from_fn(check_origin))
            .wrap(from_fn(record_arrival))
            .wrap(from_fn(handle_request))
    };
    http_server::serve(listener, options, app)
}

/// Accepts the server's own access tokens for any audience, as `GET /auth/me` requires.
fn access_token_validator(context: &Context) -> AccessTokenValidator {
    let first = context.policy.audiences.first().cloned().unwrap_or_default();
    AccessTokenValidator::new(&context.policy.issuer, first, context.keys.verifying())
        .with_any_audience(context.policy.audiences.clone())
        .with_algorithms(context.keys.algorithms())
        .with_clock(Arc::clone(&context.clock))
}

fn same_site(setting: SameSite) -> cookie::SameSite {
    match setting {
        SameSite::Strict => cookie::SameSite::Strict,
        SameSite::Lax => cookie::SameSite::Lax,
        SameSite::None => cookie::SameSite::None,
    }
}
