//! From settings to a running server: keys, revocations, listeners.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::ServiceConfig;
use secrecy::ExposeSecret;
use server_kit::listener::bind;
use server_kit::metrics::{HttpMetrics, MetricsServer};
use shared_claims::{
    AccessTokenValidator, Algorithm, Clock, FeedOptions, JwksSource, KeySet, Keys, RemoteKeySet,
    RemoteKeySetOptions, RevocationFeed,
};

use crate::app;
use crate::http::Readiness;
use crate::metrics::{TokenMetrics, registry};
use crate::settings::{Secrets, Settings};

/// A server that listens and does not respond yet.
pub struct ResourceServer {
    address: SocketAddr,
    server: Server,
    metrics: Option<MetricsServer>,
}

impl ResourceServer {
    /// Listens on `BIND_ADDR`. Fetches keys, and revocations if `REVOCATION_FEED_TOKEN` is set, in the background.
    /// Until the first fetch of both succeeds, protected routes respond 503.
    ///
    /// # Errors
    /// One line that names the setting.
    ///
    /// # Panics
    /// Outside of an actix system.
    pub fn build(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        Self::with_routes(settings, clock, |_| ())
    }

    /// The same with further routes, for benchmarks.
    ///
    /// # Errors
    /// One line that names the setting.
    ///
    /// # Panics
    /// Outside of an actix system.
    pub fn with_routes(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        routes: fn(&mut ServiceConfig),
    ) -> Result<Self, String> {
        let secrets = settings.secrets()?;
        let tls = settings.tls.load(&settings.issuer, &clock)?;
        settings.risks().iter().for_each(|risk| log::warn!("{risk}"));
        let listener = bind("BIND_ADDR", settings.bind_addr)?;
        let address = listener.local_addr().map_err(|error| format!("BIND_ADDR: {error}"))?;
        let metrics_listener =
            settings.metrics_addr.map(|address| bind("METRICS_ADDR", address)).transpose()?;
        let (mut validator, readiness) = validation(settings, &secrets, clock);
        let mut http_metrics = None;
        let mut metrics = None;
        if let Some(listener) = metrics_listener {
            let (http, tokens) = (HttpMetrics::default(), TokenMetrics::default());
            let server =
                MetricsServer::new(listener, registry(&http, &tokens, &readiness, &validator, tls.as_ref()));
            metrics = Some(server.map_err(|error| format!("METRICS_ADDR: {error}"))?);
            http_metrics = Some(http);
            validator = validator.with_observer(move |result| tokens.count(result));
        }
        let server = app::serve(settings, validator, readiness, http_metrics, routes, listener, tls)
            .map_err(|error| format!("BIND_ADDR: {error}"))?;
        Ok(Self { address, server, metrics })
    }

    /// The address that it listens on, with the port that the system chose for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of `GET /metrics`, if `METRICS_ADDR` is set.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::address)
    }

    /// Stops the server from another task.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until the handle or a signal stops it. After SIGTERM, requests in progress can finish.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self) -> io::Result<()> {
        let metrics = self.metrics.map(MetricsServer::run);
        let result = self.server.await;
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        result
    }
}

fn validation(
    settings: &Settings,
    secrets: &Secrets,
    clock: Arc<dyn Clock>,
) -> (AccessTokenValidator, Readiness) {
    let (keys, algorithms, remote) = if let Some(secret) = &secrets.access {
        log::warn!(
            "JWT_ACCESS_SECRET is set, so tokens are HS256: an attacker on this server could forge tokens"
        );
        let keys = KeySet::from_secrets([secret.expose_secret().as_bytes()]);
        (Keys::from(keys), &[Algorithm::Hs256][..], None)
    } else {
        let from_issuer = || JwksSource::Issuer(settings.issuer());
        let source = settings.jwks_url.clone().map_or_else(from_issuer, JwksSource::JwksUrl);
        let options = RemoteKeySetOptions {
            clock: Arc::clone(&clock),
            ca_certificates: settings.ca_certificates.clone(),
            ..RemoteKeySetOptions::default()
        };
        let keys = RemoteKeySet::spawn(source, options);
        (keys.clone().into(), Algorithm::ASYMMETRIC, Some(keys))
    };
    let feed = secrets.feed_token.as_ref().map(|token| {
        let mut default = settings.issuer.clone();
        default.set_path("/revocations");
        let url = settings.revocation_feed_url.clone().unwrap_or(default);
        let options = FeedOptions {
            clock: Arc::clone(&clock),
            ca_certificates: settings.ca_certificates.clone(),
            ..FeedOptions::default()
        };
        RevocationFeed::spawn(url, token, settings.revocation_feed_max_age, options)
    });
    let mut validator = AccessTokenValidator::new(settings.issuer(), settings.audience.as_str(), keys)
        .with_algorithms(algorithms)
        .with_clock(Arc::clone(&clock))
        .with_cache(settings.token_cache_size);
    if let Some(feed) = &feed {
        validator = validator.with_revocations(feed.revocations().clone());
    }
    (validator, Readiness { keys: remote, feed, clock })
}
