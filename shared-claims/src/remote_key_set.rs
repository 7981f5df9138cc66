//! The keys of another server, refreshed in the background and kept while that server is unreachable (RFC 8414, RFC 7517).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::background;
use crate::clock::{Clock, SystemClock};
pub use crate::fetch::JwksSource;
use crate::fetch::{FetchError, Fetcher};
use crate::key_set::KeySet;

/// How many validations can wait for one fetch. The others continue with the current keys.
const MAX_WAITING: usize = 1024;

/// The timing of a [`RemoteKeySet`]. The defaults suit servers; tests shorten them.
#[derive(Clone)]
pub struct RemoteKeySetOptions {
    /// The time between two fetches: 5 minutes.
    pub refresh_interval: Duration,
    /// The time until a retry while there are no keys and the server is down: 1 second.
    pub outage_retry_interval: Duration,
    /// The time until a retry after any other failure: 10 seconds. Older keys are still usable, or the server is
    /// misconfigured.
    pub retry_interval: Duration,
    /// The minimum time between two fetches for an unknown `kid`: 10 seconds. Anyone can send an invented `kid`.
    pub unknown_kid_interval: Duration,
    /// The timeout of one fetch, metadata included: 5 seconds.
    pub timeout: Duration,
    /// Used for the age of the set and for [`unknown_kid_interval`](Self::unknown_kid_interval).
    pub clock: Arc<dyn Clock>,
    /// Root certificates to trust in addition to those of the system, in PEM: none.
    pub ca_certificates: String,
}

impl Default for RemoteKeySetOptions {
    fn default() -> Self {
        Self {
            refresh_interval: Duration::from_secs(5 * 60),
            outage_retry_interval: Duration::from_secs(1),
            retry_interval: Duration::from_secs(10),
            unknown_kid_interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            ca_certificates: String::new(),
        }
    }
}

/// The state of a [`RemoteKeySet`], for readiness pages and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySetStatus {
    /// The number of usable keys.
    pub keys: usize,
    /// The time of the last successful fetch; `None` before the first one.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Why the latest fetch failed; `None` if it succeeded.
    pub last_error: Option<String>,
    /// The number of fetches.
    pub fetches: Fetches,
}

/// The number of fetches since the start, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetches {
    /// Fetches that returned keys.
    pub succeeded: u64,
    /// Fetches without a connection.
    pub unreachable: u64,
    /// Fetches that timed out.
    pub timed_out: u64,
    /// Fetches whose response had no usable keys, or whose URL is invalid.
    pub bad_response: u64,
}

/// The key set of another server. Clones share it; the background task ends when the last clone is dropped.
///
/// A failed fetch, or a response without usable keys, never replaces usable keys.
#[derive(Clone)]
pub struct RemoteKeySet {
    state: Arc<State>,
    refresh_requests: mpsc::Sender<oneshot::Sender<()>>,
}

#[derive(Default)]
struct State {
    keys: ArcSwapOption<KeySet>,
    status: Mutex<KeySetStatus>,
}

impl RemoteKeySet {
    /// Starts a task that fetches from `source`: on the current actix arbiter, or without one on a thread of its own.
    /// Returns immediately, without keys.
    #[must_use]
    pub fn spawn(source: JwksSource, options: RemoteKeySetOptions) -> Self {
        let (refresh_requests, requests) = mpsc::channel(MAX_WAITING);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        background::spawn(|| {
            let fetcher = Fetcher::new(source, options.timeout, &options.ca_certificates);
            KeySetRefresher { state: shared, fetcher, options, last_unknown_kid: None }.run(requests)
        });
        Self { state, refresh_requests }
    }

    /// The current keys; `None` before the first successful fetch.
    #[must_use]
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.state.keys.load_full()
    }

    /// The current state.
    #[must_use]
    pub fn status(&self) -> KeySetStatus {
        self.state.status().clone()
    }

    /// Fetches the set again, at most once per [`unknown_kid_interval`](RemoteKeySetOptions::unknown_kid_interval), and
    /// returns when that is done. Concurrent callers share one fetch. Within the interval it returns immediately.
    pub async fn refresh_for_unknown_kid(&self) {
        let (done, waiting) = oneshot::channel();
        if self.refresh_requests.try_send(done).is_ok() {
            // The task drops the sender when it has decided or fetched, so an error is the signal.
            let _ = waiting.await;
        }
    }
}

impl fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySet").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl State {
    fn status(&self) -> std::sync::MutexGuard<'_, KeySetStatus> {
        // After a panic the status is at worst partly updated.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetches {
    fn failed(&mut self, error: &FetchError) -> &mut u64 {
        match error {
            FetchError::Unreachable | FetchError::BadCertificate(_) => &mut self.unreachable,
            FetchError::TimedOut => &mut self.timed_out,
            FetchError::BadIssuer
            | FetchError::Status(_)
            | FetchError::TooLarge
            | FetchError::CutOff
            | FetchError::BadMetadata
            | FetchError::WrongIssuer
            | FetchError::BadJwksUri
            | FetchError::BadKeySet(_)
            | FetchError::NoUsableKey => &mut self.bad_response,
        }
    }
}

/// The background task.
struct KeySetRefresher {
    state: Arc<State>,
    fetcher: Fetcher,
    options: RemoteKeySetOptions,
    last_unknown_kid: Option<DateTime<Utc>>,
}

impl KeySetRefresher {
    async fn run(mut self, mut requests: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut waiting: Option<oneshot::Sender<()>> = None;
        loop {
            let due = time::Instant::now() + self.fetch().await;
            // Dropping the sender wakes the caller.
            drop(waiting.take());
            waiting = loop {
                tokio::select! {
                    () = time::sleep_until(due) => break None,
                    request = requests.recv() => match request {
                        None => return,
                        Some(caller) if self.may_refresh() => break Some(caller),
                        Some(_too_soon) => {}
                    },
                }
            };
        }
    }

    fn may_refresh(&mut self) -> bool {
        let now = self.options.clock.now();
        let allowed = self.last_unknown_kid.is_none_or(|last| {
            // A clock that was set back must not block fetches for hours.
            (now - last).to_std().map_or(true, |passed| passed >= self.options.unknown_kid_interval)
        });
        if allowed {
            self.last_unknown_kid = Some(now);
        }
        allowed
    }

    /// Fetches once and returns the time until the next fetch.
    async fn fetch(&self) -> Duration {
        match self.fetcher.fetch().await {
            Ok(keys) => {
                self.accept(keys);
                self.options.refresh_interval
            }
            Err(error) => {
                self.record_failure(&error);
                if self.state.keys.load().is_none() && error.is_an_outage() {
                    self.options.outage_retry_interval
                } else {
                    self.options.retry_interval.min(self.options.refresh_interval)
                }
            }
        }
    }

    fn accept(&self, keys: KeySet) {
        let mut status = self.state.status();
        if status.fetched_at.is_none() || status.last_error.is_some() {
            log::info!("fetched {} key(s) from {}", keys.len(), self.fetcher.source());
        }
        status.keys = keys.len();
        status.fetched_at = Some(self.options.clock.now());
        status.last_error = None;
        status.fetches.succeeded += 1;
        self.state.keys.store(Some(Arc::new(keys)));
    }

    fn record_failure(&self, error: &FetchError) {
        let mut status = self.state.status();
        let sentence = error.to_string();
        // Logged once, not at every retry.
        if status.last_error.as_ref() != Some(&sentence) {
            log::warn!("cannot fetch keys from {}: {sentence}", self.fetcher.source());
        }
        status.last_error = Some(sentence);
        *status.fetches.failed(error) += 1;
    }
}
