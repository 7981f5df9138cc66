use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::domain::context::Context;

/// What is so at this moment: asked whenever somebody reads, without a question to the database.
pub struct State(pub Arc<Context>);

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(context) = self;
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let load = context.hasher.pool().load();
        gauge("password_threads", "Threads that hash passwords.", count(load.threads))?;
        gauge("password_threads_busy", "Threads that hash a password now.", count(load.busy))?;
        gauge("passwords_waiting", "Passwords that wait for a thread.", count(load.waiting))?;

        let connections = context.database.connections();
        gauge("database_connections_max", "Connections there may be.", count(connections.max))?;
        gauge("database_connections", "Connections to the database.", count(connections.open))?;
        gauge("database_connections_idle", "Connections that nobody uses now.", count(connections.idle))?;

        let keys = context.keys.state();
        let age = |since: DateTime<Utc>| (context.now() - since).as_seconds_f64().max(0.0);
        if let Some(since) = keys.signing_since {
            gauge("signing_key_age_seconds", "For how long the signing key has signed.", age(since))?;
        }
        gauge("signing_keys", "Keys that tokens may be signed with.", count(keys.number))?;
        gauge(
            "signing_keys_looked_after_seconds",
            "Time since the keys were looked after.",
            age(keys.refreshed_at),
        )
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
