//! What is counted for operators. `docs/metrics.md` explains each, and a test holds the two together.
//!
//! To count something else: a field of [`Metrics`], its line in `register`, and its row in the table.

mod state;

use std::sync::Arc;

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use server_kit::metrics::{FloatGauge, HttpMetrics, LabelledCounter};

use crate::domain::context::Context;
use crate::domain::passwords::verification::PasswordError;
use crate::domain::sessions::login::LoginError;
use crate::domain::sessions::refresh::RefreshError;
use crate::domain::users::registration::RegistrationError;
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
    /// Counts a login, and passes on what became of it.
    pub fn login<T>(&self, outcome: Result<T, LoginError>) -> Result<T, LoginError> {
        self.logins.count(match &outcome {
            Ok(_) => "succeeded",
            Err(LoginError::Password(error)) => match error {
                PasswordError::Wrong => "invalid_credentials",
                PasswordError::TooManyFailures(_) => "throttled",
                PasswordError::QueueFull(_) => "busy",
                PasswordError::RecordChanged | PasswordError::Store(_) => "unavailable",
            },
            Err(LoginError::UnknownAudience) => "malformed",
            Err(LoginError::Store(_) | LoginError::Signing(_)) => "unavailable",
        });
        outcome
    }

    /// Counts a registration, and passes on what became of it.
    pub fn registration<T>(&self, outcome: Result<T, RegistrationError>) -> Result<T, RegistrationError> {
        self.registrations.count(match &outcome {
            Ok(_) => "succeeded",
            Err(RegistrationError::Closed) => "closed",
            Err(RegistrationError::WeakPassword(_)) => "weak_password",
            Err(RegistrationError::EmailTaken | RegistrationError::UsernameTaken) => "taken",
            Err(RegistrationError::UnknownAudience) => "malformed",
            Err(RegistrationError::QueueFull(_)) => "busy",
            Err(RegistrationError::Store(_) | RegistrationError::Signing(_)) => "unavailable",
        });
        outcome
    }

    /// Counts a refresh that failed. How one succeeded is known, and counted, where that is decided.
    pub fn refused_refresh(&self, error: &RefreshError) {
        self.refreshes.count(match error {
            RefreshError::SessionEnded(reason) => reason.as_str(),
            RefreshError::WrongDelivery | RefreshError::UnknownAudience => "malformed",
            RefreshError::Conflict | RefreshError::Store(_) | RefreshError::Signing(_) => "unavailable",
        });
    }

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
    context.passwords.pool().register(&mut registry);
    context.database.register(&mut registry);
    registry.register_collector(Box::new(State(context)));
    registry
}
