//! Counters that use cases increment. `docs/metrics.md` explains each, and a test compares the two.
//!
//! To add one: a field of [`Metrics`], its line in `register`, and its row in the table.

use prometheus_client::registry::Registry;
use server_kit::metrics::{FloatGauge, LabelledCounter};

use crate::model::EndReason;

/// One set per server, part of its `Context`.
pub struct Metrics {
    /// By `result`
    pub logins: LabelledCounter,
    /// By `result`
    pub registrations: LabelledCounter,
    /// By `outcome`
    pub refreshes: LabelledCounter,
    /// By `table`
    pub purged_rows: LabelledCounter,
    /// This server's clock minus the database's, in seconds.
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
                [
                    "succeeded",
                    "invalid_credentials",
                    "password_change_required",
                    "weak_password",
                    "throttled",
                    "busy",
                    "malformed",
                    "unavailable",
                ],
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
    /// Adds the metrics to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.logins.register(registry, "logins", "Logins by result");
        self.registrations.register(registry, "registrations", "Registrations by result");
        self.refreshes.register(registry, "refreshes", "Refresh requests by outcome");
        self.purged_rows.register(registry, "purged_rows", "Expired rows that were deleted, by table");
        registry.register(
            "database_clock_difference_seconds",
            "This server's clock minus the database's",
            self.clock_difference.clone(),
        );
    }
}
