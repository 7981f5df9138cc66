//! From settings to a server that listens.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use secrecy::ExposeSecret;
use server_kit::cors::cors;
use server_kit::metrics::{HttpMetrics, MetricsServer, measure};
use server_kit::real_ip::TrustedProxies;
use server_kit::{framework_errors, idle_connections, request_log};
use shared_claims::{
    AcceptCookie, AccessTokenValidator, Algorithm, Clock, FeedOptions, JwksSource, KeySet, Keys,
    RemoteKeySet, RemoteKeySetOptions, RevocationFeed,
};

use crate::http::{self, Readiness};
use crate::metrics::{TokenMetrics, registry};
use crate::settings::{KeySource, Settings};

/// Seconds that requests under way have to finish when the server is told to stop.
const SHUTDOWN_SECONDS: u64 = 5;
/// How long a caller may take to send the head of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that listens; it answers once `server` is polled.
pub struct Running {
    /// Where it listens: the port that the system chose, if the settings said 0.
    pub address: SocketAddr,
    /// Where it tells metrics, if it does: from now on, until the process ends.
    pub metrics_address: Option<SocketAddr>,
    /// Runs until it is stopped by its handle or by a signal.
    pub server: Server,
}

/// Why the server did not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not this machine's.
    #[error(
        "{setting}: cannot listen on {address} ({cause}): give a free address and port, such as 127.0.0.1:8081"
    )]
    Bind {
        /// Its name.
        setting: &'static str,
        /// As the setting has it.
        address: SocketAddr,
        /// The system's word.
        cause: io::Error,
    },
}

/// Builds the server and binds its address. Keys are fetched in the background: until the first are there, protected
/// routes answer 503.
///
/// # Errors
/// [`StartError`], if it cannot listen.
///
/// # Panics
/// Outside of an actix system.
pub fn build(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
    let bind_failed = |cause| StartError::Bind { setting: "BIND_ADDR", address: settings.bind_addr, cause };
    let (mut validator, readiness) = validation(settings, clock);
    let metrics = settings.metrics_addr.map(|address| expose(address, &readiness)).transpose()?;
    if let Some((_, tokens, _)) = &metrics {
        let tokens = tokens.clone();
        validator = validator.with_observer(move |validated| tokens.count(validated));
    }
    let readiness = web::Data::new(readiness);
    let proxies = web::Data::new(TrustedProxies::new(settings.trusted_proxies.clone()));
    let allowed_origins = settings.allowed_origins.0.clone();
    let cookie = settings.accept_cookie.then(|| AcceptCookie::of_issuer(&settings.issuer));
    let http_metrics = metrics.as_ref().map(|(http, _, _)| web::Data::new(http.clone()));

    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(validator.clone())
            .app_data(readiness.clone())
            .app_data(proxies.clone())
            .configure(|config| {
                if let Some(http) = &http_metrics {
                    config.app_data(http.clone());
                }
                if let Some(cookie) = cookie {
                    config.app_data(cookie);
                }
                http::routes(config);
            })
            .wrap(cors(&allowed_origins, &[Method::GET, Method::HEAD, Method::POST]))
            // Further out, so that the errors of CORS become problems too.
            .wrap(from_fn(framework_errors::to_problems))
            .wrap(from_fn(measure))
            .wrap(from_fn(request_log::identify))
            .wrap(from_fn(idle_connections::mark_busy))
    })
    .client_request_timeout(REQUEST_TIMEOUT)
    .on_connect(idle_connections::watch)
    .shutdown_timeout(SHUTDOWN_SECONDS);
    if let Some(workers) = settings.workers {
        server = server.workers(workers.get());
    }
    let server = server.bind(settings.bind_addr).map_err(bind_failed)?;
    let address = server.addrs().first().copied().unwrap_or(settings.bind_addr);
    log::info!("listening on http://{address}, for tokens of {} to {:?}", settings.issuer, settings.audience);
    let metrics_address = metrics.map(|(_, _, exposition)| {
        let address = exposition.address();
        exposition.run();
        address
    });
    Ok(Running { address, metrics_address, server: server.run() })
}

fn expose(
    address: SocketAddr,
    readiness: &Readiness,
) -> Result<(HttpMetrics, TokenMetrics, MetricsServer), StartError> {
    let (http, tokens) = (HttpMetrics::default(), TokenMetrics::default());
    let registry = registry(&http, &tokens, readiness);
    let exposition = TcpListener::bind(address).and_then(|listener| MetricsServer::on(listener, registry));
    let exposition =
        exposition.map_err(|cause| StartError::Bind { setting: "METRICS_ADDR", address, cause })?;
    Ok((http, tokens, exposition))
}

fn validation(settings: &Settings, clock: Arc<dyn Clock>) -> (AccessTokenValidator, Readiness) {
    let (keys, algorithms, remote) = match settings.key_source() {
        KeySource::Secret(secret) => {
            log::warn!(
                "JWT_ACCESS_SECRET is set, so tokens are HS256: whoever takes over this server can make tokens for anybody"
            );
            let keys = KeySet::from_secrets([secret.expose_secret().as_bytes()]);
            (Keys::from(keys), &[Algorithm::Hs256][..], None)
        }
        KeySource::JwksUrl(url) => remote(JwksSource::JwksUrl(url.clone()), &clock),
        KeySource::Issuer(issuer) => remote(JwksSource::Issuer(issuer.to_owned()), &clock),
    };
    let feed = settings.feed().map(|(url, token)| {
        let options = FeedOptions { clock: Arc::clone(&clock), ..FeedOptions::default() };
        RevocationFeed::spawn(url, token, settings.revocation_feed_max_age, options)
    });
    let mut validator = AccessTokenValidator::new(settings.issuer.as_str(), settings.audience.as_str(), keys)
        .with_algorithms(algorithms)
        .with_clock(Arc::clone(&clock));
    if let Some(feed) = &feed {
        validator = validator.with_revocations(feed.revocations().clone());
    }
    (validator, Readiness { keys: remote, feed, clock })
}

fn remote(source: JwksSource, clock: &Arc<dyn Clock>) -> (Keys, &'static [Algorithm], Option<RemoteKeySet>) {
    let options = RemoteKeySetOptions { clock: Arc::clone(clock), ..RemoteKeySetOptions::default() };
    let keys = RemoteKeySet::spawn(source, options);
    (keys.clone().into(), Algorithm::ASYMMETRIC, Some(keys))
}
