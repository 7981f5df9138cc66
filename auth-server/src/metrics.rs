//! Counters that use cases increment. `docs/metrics.md` explains each, and a test compares the two.
//!
//! To add one: a field of [`Metrics`], its line in `register`, and its row in the table.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use server_kit::metrics::{FloatGauge, LabelledCounter};

use crate::model::{EndReason, FactorMethod, MailKind, Purpose};

/// One set per server, part of its `Context`.
pub struct Metrics {
    /// By `result`
    pub logins: LabelledCounter,
    /// By `result`
    pub registrations: LabelledCounter,
    /// By `outcome`
    pub refreshes: LabelledCounter,
    /// By `purpose` and `outcome`
    proofs: Family<ProofLabels, Counter>,
    /// By `kind` and `outcome`
    mails: Family<MailLabels, Counter>,
    /// By `kind` and `outcome`
    second_factors: Family<FactorLabels, Counter>,
    /// By `table`
    pub purged_rows: LabelledCounter,
    /// This server's clock minus the database's, in seconds.
    pub clock_difference: FloatGauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProofLabels {
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FactorLabels {
    kind: &'static str,
    outcome: &'static str,
}

/// Outcomes of answers with a second factor.
const FACTOR_OUTCOMES: [&str; 8] =
    ["succeeded", "wrong", "locked", "expired", "throttled", "busy", "malformed", "unavailable"];

/// Outcomes of links and codes.
const PROOF_OUTCOMES: [&str; 10] = [
    "requested",
    "throttled",
    "used",
    "invalid",
    "wrong_code",
    "wrong_password",
    "weak_password",
    "taken",
    "busy",
    "unavailable",
];

/// Outcome of an attempt to send a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailOutcome {
    Sent,
    /// The attempt failed, and another one follows.
    Retried,
    /// The mail server rejected it, or it expired.
    Failed,
    /// Its link was void, or no user had the address.
    Dropped,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MailLabels {
    kind: &'static str,
    outcome: &'static str,
}

impl MailOutcome {
    const ALL: [Self; 4] = [Self::Sent, Self::Retried, Self::Failed, Self::Dropped];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
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
                    "email_code_required",
                    "password_change_required",
                    "mfa_required",
                    "mfa_enrolment_required",
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
                    "requested",
                    "closed",
                    "weak_password",
                    "taken",
                    "invalid",
                    "throttled",
                    "busy",
                    "malformed",
                    "unavailable",
                ],
            ),
            refreshes: LabelledCounter::new("outcome", outcomes.into_iter().chain(reasons)),
            proofs: Family::default(),
            mails: Family::default(),
            second_factors: Family::default(),
            purged_rows: LabelledCounter::new(
                "table",
                [
                    "sessions",
                    "events",
                    "password_failures",
                    "familiar_places",
                    "mails",
                    "proofs",
                    "revocations",
                    "login_challenges",
                    "spent_challenges",
                    "totp_factors",
                    "signing_keys",
                ],
            ),
            clock_difference: FloatGauge::default(),
        }
    }
}

impl Metrics {
    /// Counts the outcome of a link or code: one of [`PROOF_OUTCOMES`].
    pub fn count_proof(&self, purpose: Purpose, outcome: &'static str) {
        self.proofs.get_or_create(&ProofLabels { purpose: purpose.as_str(), outcome }).inc();
    }

    /// Counts an answer with a second factor: one of [`FACTOR_OUTCOMES`].
    pub fn count_second_factor(&self, method: FactorMethod, outcome: &'static str) {
        self.second_factors.get_or_create(&FactorLabels { kind: method.as_str(), outcome }).inc();
    }

    pub fn count_mail(&self, kind: MailKind, outcome: MailOutcome) {
        self.mails.get_or_create(&MailLabels { kind: kind.as_str(), outcome: outcome.as_str() }).inc();
    }

    /// Adds the metrics to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.logins.register(registry, "logins", "Logins by result");
        self.registrations.register(registry, "registrations", "Registrations by result");
        self.refreshes.register(registry, "refreshes", "Refresh requests by outcome");
        for purpose in Purpose::ALL.map(Purpose::as_str) {
            for outcome in PROOF_OUTCOMES {
                let _ = self.proofs.get_or_create(&ProofLabels { purpose, outcome });
            }
        }
        registry.register("proofs", "Links and codes by purpose and outcome", self.proofs.clone());
        for kind in MailKind::ALL.map(MailKind::as_str) {
            for outcome in MailOutcome::ALL.map(MailOutcome::as_str) {
                drop(self.mails.get_or_create(&MailLabels { kind, outcome }));
            }
        }
        registry.register("mails", "Attempts to send mails by kind and outcome", self.mails.clone());
        for kind in FactorMethod::ALL.map(FactorMethod::as_str) {
            for outcome in FACTOR_OUTCOMES {
                drop(self.second_factors.get_or_create(&FactorLabels { kind, outcome }));
            }
        }
        registry.register(
            "second_factors",
            "Answers with a second factor by kind and outcome",
            self.second_factors.clone(),
        );
        self.purged_rows.register(registry, "purged_rows", "Expired rows that were deleted, by table");
        registry.register(
            "database_clock_difference_seconds",
            "This server's clock minus the database's",
            self.clock_difference.clone(),
        );
    }
}
