//! The only place in the workspace that reads the wall clock.

use chrono::{DateTime, SubsecRound, Utc};

/// The current time, injected wherever time matters, so that tests can move it.
pub trait Clock: Send + Sync {
    /// The current time in microseconds, the finest resolution that both databases store.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that may read the wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}
