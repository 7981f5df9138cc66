//! Metrics of this server. `docs/metrics.md` explains each, and a test compares the two.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use server_kit::metrics::{HttpMetrics, LabelledCounter};
use server_kit::tls::Tls;
use shared_claims::{AccessTokenValidator, Clock, RemoteKeySet, RevocationFeed, TokenError};

use crate::http::Readiness;

const ACCEPTED: &str = "accepted";

/// Access tokens by the result of their validation.
#[derive(Clone)]
pub struct TokenMetrics(LabelledCounter);

impl Default for TokenMetrics {
    fn default() -> Self {
        let rejected = TokenError::ALL.iter().map(TokenError::code);
        Self(LabelledCounter::new("result", std::iter::once(ACCEPTED).chain(rejected)))
    }
}

impl TokenMetrics {
    pub fn count(&self, validated: Result<(), &TokenError>) {
        self.0.count(validated.err().map_or(ACCEPTED, TokenError::code));
    }

    fn register(&self, registry: &mut Registry) {
        self.0.register(registry, "access_tokens", "Access tokens by the result of their validation");
    }
}

/// The key set, read at each scrape.
struct KeySetState {
    keys: RemoteKeySet,
    clock: Arc<dyn Clock>,
}

/// The revocation feed, read at each scrape.
struct FeedState {
    feed: RevocationFeed,
    clock: Arc<dyn Clock>,
}

/// The cache of validated tokens, read at each scrape.
struct TokenCacheState {
    validator: AccessTokenValidator,
}

/// All metrics of this server. With HS256 there is no key set.
pub fn registry(
    http: &HttpMetrics,
    tokens: &TokenMetrics,
    readiness: &Readiness,
    validator: &AccessTokenValidator,
    tls: Option<&Tls>,
) -> Registry {
    server_kit::metrics::registry("latchkey_resource", |registry| {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of the server", version);
        http.register(registry);
        if let Some(tls) = tls {
            tls.register(registry);
        }
        tokens.register(registry);
        registry.register_collector(Box::new(TokenCacheState { validator: validator.clone() }));
        if let Some(keys) = readiness.keys.clone() {
            let state = KeySetState { keys, clock: Arc::clone(&readiness.clock) };
            registry.register_collector(Box::new(state));
        }
        if let Some(feed) = readiness.feed.clone() {
            let state = FeedState { feed, clock: Arc::clone(&readiness.clock) };
            registry.register_collector(Box::new(state));
        }
    })
}

impl Collector for KeySetState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.keys.status();
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let number = u32::try_from(status.keys).map_or(f64::INFINITY, f64::from);
        gauge("key_set_keys", "Keys in the key set.", number)?;
        if let Some(fetched_at) = status.fetched_at {
            let age = (self.clock.now() - fetched_at).as_seconds_f64().max(0.0);
            gauge("key_set_age_seconds", "Time since the last successful fetch of the keys.", age)?;
        }
        let fetches = status.fetches;
        let help = "Fetches of the keys by outcome.";
        let mut family = encoder.encode_descriptor("key_set_fetches", help, None, MetricType::Counter)?;
        for (outcome, number) in [
            ("succeeded", fetches.succeeded),
            ("unreachable", fetches.unreachable),
            ("timed_out", fetches.timed_out),
            ("bad_answer", fetches.bad_response),
        ] {
            ConstCounter::new(number).encode(family.encode_family(&[("outcome", outcome)])?)?;
        }
        Ok(())
    }
}

impl Collector for FeedState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let revocations = self.feed.revocations();
        let number = u32::try_from(revocations.len()).map_or(f64::INFINITY, f64::from);
        gauge("revocations", "Revoked sessions, users and keys.", number)?;
        if let Some(updated_at) = revocations.updated_at() {
            let age = (self.clock.now() - updated_at).as_seconds_f64().max(0.0);
            gauge(
                "revocation_feed_age_seconds",
                "Time since the last successful request to the revocation feed.",
                age,
            )?;
        }
        let help = "Failed requests to the revocation feed.";
        let failures = ConstCounter::new(self.feed.status().failures);
        failures.encode(encoder.encode_descriptor(
            "revocation_feed_failures",
            help,
            None,
            MetricType::Counter,
        )?)
    }
}

impl Collector for TokenCacheState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(status) = self.validator.cache_status() else { return Ok(()) };
        let bytes = ConstGauge::new(i64::try_from(status.bytes).unwrap_or(i64::MAX));
        let help = "Memory for validated tokens.";
        bytes.encode(encoder.encode_descriptor("token_cache_bytes", help, None, MetricType::Gauge)?)?;
        let help = "Validations by whether the token was in memory.";
        let mut family = encoder.encode_descriptor("token_cache_lookups", help, None, MetricType::Counter)?;
        for (result, number) in [("hit", status.hits), ("miss", status.misses)] {
            ConstCounter::new(number).encode(family.encode_family(&[("result", result)])?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for TokenCacheState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCacheState")
    }
}

impl fmt::Debug for FeedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedState")
    }
}

impl fmt::Debug for KeySetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySetState")
    }
}
