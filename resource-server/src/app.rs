//! The HTTP server: app data and middleware.

use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use server_kit::cors::{CorsPolicy, check_preflight, cors};
use server_kit::http_server::{self, Shutdown};
use server_kit::metrics::HttpMetrics;
use server_kit::middleware::handle_request;
use server_kit::openapi::ApiDocument;
use server_kit::real_ip::TrustedProxies;
use server_kit::tls::Tls;
use shared_claims::{AcceptCookie, AccessTokenValidator};

use crate::http::{self, Readiness};
use crate::settings::Settings;

/// Methods that pages of other origins may use.
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::POST];

/// Prepares the server. It responds once the result is polled.
pub fn serve(
    settings: &Settings,
    validator: AccessTokenValidator,
    readiness: Readiness,
    metrics: Option<HttpMetrics>,
    routes: fn(&mut web::ServiceConfig),
    listener: TcpListener,
    tls: Option<Tls>,
) -> io::Result<Server> {
    let readiness = web::Data::new(readiness);
    let proxies = TrustedProxies::new(settings.trusted_proxies.clone());
    let proxies = web::Data::new(proxies.with_issuer(&settings.issuer(), tls.is_some()));
    let (origins, headers) = (settings.allowed_origins.clone(), settings.allowed_headers.clone());
    let cors_policy = web::Data::new(CorsPolicy::new(origins, headers, &settings.issuer));
    let cookie = settings.accept_cookie.then(|| AcceptCookie::of_issuer(&settings.issuer()));
    let metrics = metrics.map(web::Data::new);
    let issuer = settings.issuer.clone();
    let document = web::Data::new(ApiDocument::default());
    let options = http_server::Options {
        workers: settings.workers,
        keep_alive: settings.keep_alive,
        trusted_proxies: proxies.clone(),
        tls,
        shutdown: Shutdown::default(),
    };
    // The last `wrap` is the outermost.
    let app = move || {
        App::new()
            .app_data(validator.clone())
            .app_data(readiness.clone())
            .app_data(proxies.clone())
            .app_data(cors_policy.clone())
            .app_data(document.clone())
            .configure(|config| {
                if let Some(metrics) = &metrics {
                    config.app_data(metrics.clone());
                }
                if let Some(cookie) = cookie {
                    config.app_data(cookie);
                }
                routes(config);
                http::routes(config, &issuer);
            })
            .wrap(cors(&cors_policy, &METHODS))
            .wrap(from_fn(check_preflight))
            .wrap(from_fn(handle_request))
    };
    http_server::serve(listener, options, app)
}
