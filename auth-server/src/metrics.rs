//! What is counted for operators. `docs/metrics.md` explains each, and a test holds the two together.
//!
//! To count something else: a field of [`Metrics`], its line in `register`, and its row in the table.

mod state;

use std::sync::Arc;

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use server_kit::metrics::{FloatGauge, HttpMetrics, LabelledCounter};

use crate::domain::context::Context;
use crate::model::EndReason;
use state::State;

/// What use cases count while they run. One for the whole server, part of its [`Context`].
pub struct Metrics {
    /// Actor `result`.
    pub logins: LabelledCounter,
    /// Actor `result`.
    pub registrations: LabelledCounter,
    /// Actor `outcome`.
    pub refreshes: LabelledCounter,
    /// Actor `table`.
    pub purged_rows: LabelledCounter,
    /// This server's time less the database's, in seconds, when somebody last looked.
    pub clock_difference: FloatGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let reasons = EndReason::ALL.map(EndReason::as_str);
        let outcomes =
            ["rotated", "restored", "redelivered_in_grace", "redelivered_by_key", "malformed", "unavailable"];
        Self {
            logins: LabelledCounter::new(
                "result",
                ["succeeded", "invalid_credentials", "throttled", "busy", "malformed", "unavailable"],
            ),
            registrations: LabelledCounter::new(
                "result",
                [
                    "succeeded",
                    "closed",
                    "weak_password",
                    "taken",
                    "throttled",
                    "busy",
                    "malformed",
                    "unavailable",
                ],
            ),
            refreshes: LabelledCounter::new("outcome", outcomes.into_iter().chain(reasons)),
            purged_rows: LabelledCounter::new(
                "table",
                ["sessions", "events", "password_failures", "familiar_places", "revocations", "signing_keys"],
            ),
            clock_difference: FloatGauge::default(),
        }
    }
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        self.logins.register(registry, "logins", "Attempts to log in by what became of them");
        self.registrations.register(registry, "registrations", "Attempts to register by what became of them");
        self.refreshes.register(registry, "refreshes", "Refresh tokens presented by what became of them");
        self.purged_rows.register(registry, "purged_rows", "Rows removed since their time had passed");
        registry.register(
            "database_clock_difference_seconds",
            "This server's time less the database's",
            self.clock_difference.clone(),
        );
    }
}

/// All that this server tells.
pub fn registry(context: Arc<Context>, http: &HttpMetrics) -> Registry {
    let mut registry = Registry::with_prefix("latchkey_auth");
    registry.register("build", "The running version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    http.register(&mut registry);
    context.metrics.register(&mut registry);
    context.hasher.pool().register(&mut registry);
    context.database.register(&mut registry);
    registry.register_collector(Box::new(State(context)));
    registry
}
