use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use server_kit::metrics::{self, HttpMetrics};
use server_kit::tls::Tls;

use crate::domain::context::Context;
use crate::domain::mail::Queue;

/// All metrics of this server. `docs/metrics.md` explains each, and a test compares the two.
pub fn registry(context: Arc<Context>, http: &HttpMetrics, tls: Option<&Tls>) -> Registry {
    metrics::registry("latchkey_auth", |registry| {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of the server", version);
        http.register(registry);
        if let Some(tls) = tls {
            tls.register(registry);
        }
        context.metrics.register(registry);
        context.hasher.pool().register(registry);
        context.database.register(registry);
        registry.register_collector(Box::new(Gauges(context)));
    })
}

/// Current values, read at each scrape without a database query.
struct Gauges(Arc<Context>);

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(context) = self;
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let load = context.hasher.pool().load();
        gauge("password_threads", "Threads of the hashing pool.", float(load.threads))?;
        gauge("password_threads_busy", "Threads that hash a password.", float(load.busy))?;
        gauge("passwords_waiting", "Passwords in the queue of the hashing pool.", float(load.waiting))?;

        let connections = context.database.connections();
        gauge("database_connections_max", "Size of the connection pool.", float(connections.max))?;
        gauge("database_connections", "Open database connections.", float(connections.open))?;
        gauge("database_connections_idle", "Idle database connections.", float(connections.idle))?;

        let age = |since: DateTime<Utc>| (context.now() - since).as_seconds_f64().max(0.0);
        let mails = context.mailer.as_ref().map(|mailer| &mailer.queue);
        let waiting = mails.map_or(0, |queue| usize::try_from(queue.waiting()).unwrap_or(usize::MAX));
        gauge("mail_queue", "Mails that are not sent yet.", float(waiting))?;
        let oldest = mails.and_then(Queue::oldest).map_or(0.0, age);
        gauge("mail_oldest_seconds", "Time since the first of them was due.", oldest)?;
        let is_failing = mails.is_some_and(Queue::is_failing);
        gauge("mail_failing", "1 if the mail server cannot be used.", is_failing.into())?;

        let keys = context.keys.state();
        if let Some(since) = keys.signing_since {
            gauge("signing_key_age_seconds", "Time since the signing key became active.", age(since))?;
        }
        gauge("signing_keys", "Keys that verify tokens.", float(keys.number))?;
        let help = "Time since the keys were last checked for rotation.";
        gauge("signing_keys_looked_after_seconds", help, age(keys.refreshed_at))
    }
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
