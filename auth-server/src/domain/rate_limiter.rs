//! A rate limit for each key, in the memory of this server.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DefaultKeyedStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};

/// Keys without recent uses are removed once per this many uses.
const USES_PER_CLEANUP: u32 = 1000;

/// A number of uses of each key in a time, with a larger burst after a pause.
pub struct KeyedRateLimiter<K: Clone + Hash + Eq> {
    limiter: RateLimiter<K, SharedStore<K>, DefaultClock>,
    store: SharedStore<K>,
    per_use: Duration,
    clock: DefaultClock,
    uses: AtomicU32,
}

impl<K: Clone + Hash + Eq> KeyedRateLimiter<K> {
    /// `per_minute` uses, and a larger burst after a pause.
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::with(Quota::per_minute(per_minute).allow_burst(burst))
    }

    /// As many uses in an hour, all of them at once after a pause.
    pub fn per_hour(uses: NonZeroU32) -> Self {
        Self::with(Quota::per_hour(uses))
    }

    fn with(quota: Quota) -> Self {
        let (store, clock) = (SharedStore::default(), DefaultClock::default());
        Self {
            limiter: RateLimiter::new(quota, store.clone(), clock.clone()),
            store,
            per_use: quota.replenish_interval(),
            clock,
            uses: AtomicU32::new(0),
        }
    }

    /// Counts a use. Above the limit it is not counted, and the error is the time to wait, in whole seconds.
    pub fn count(&self, key: &K) -> Result<(), Duration> {
        if self.uses.fetch_add(1, Ordering::Relaxed) % USES_PER_CLEANUP == USES_PER_CLEANUP - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|not_until| {
            Duration::from_secs(not_until.wait_time_from(self.clock.now()).as_secs() + 1)
        })
    }

    /// Takes a use back that was counted.
    pub fn refund(&self, key: &K) {
        let per_use = Nanos::from(self.per_use);
        // An error leaves the key without state, which is what a full refund amounts to.
        let take_back =
            |until: Option<Nanos>| until.map(|until| ((), until.saturating_sub(per_use))).ok_or(());
        let _ = self.store.measure_and_replace(key, take_back);
    }
}

/// The state of a limiter, shared with it: the limiter itself cannot take a use back.
struct SharedStore<K: Clone + Hash + Eq>(Arc<DefaultKeyedStateStore<K>>);

impl<K: Clone + Hash + Eq> Default for SharedStore<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Hash + Eq> Clone for SharedStore<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Hash + Eq> StateStore for SharedStore<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, measure)
    }
}

impl<K: Clone + Hash + Eq> ShrinkableKeyedStateStore<K> for SharedStore<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        ShrinkableKeyedStateStore::len(&*self.0)
    }

    fn is_empty(&self) -> bool {
        ShrinkableKeyedStateStore::is_empty(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use crate::domain::rate_limiter::KeyedRateLimiter;

    #[test]
    fn a_refund_permits_one_more_use_and_never_more_than_the_burst() {
        let number = |number| NonZeroU32::new(number).unwrap();
        let limiter = KeyedRateLimiter::new(number(1), number(3));
        let uses = |limit: u32| (0..limit).take_while(|_| limiter.count(&"ann").is_ok()).count();
        limiter.refund(&"ann");
        assert_eq!(uses(10), 3);
        assert_eq!(limiter.count(&"ann").unwrap_err().as_secs(), 60);
        assert_eq!(limiter.count(&"bob"), Ok(()));
        limiter.refund(&"ann");
        limiter.refund(&"ann");
        assert_eq!(uses(10), 2);
        (0..10).for_each(|_| limiter.refund(&"ann"));
        assert_eq!(uses(10), 3);
    }
}
