//! The one place in the workspace that reads the wall clock.

use chrono::{DateTime, SubsecRound, Utc};

/// What time it is. Injected wherever time matters, so that tests move it instead of sleeping.
pub trait Clock: Send + Sync {
    /// The present moment, to the microsecond: the finest step that both databases store.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may read the wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}
