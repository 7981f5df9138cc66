//! The keys of another server: fetched, refreshed in the background, kept while that server is away (RFC 8414, RFC 7517).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::clock::{Clock, SystemClock};
pub use crate::fetch::JwksSource;
use crate::fetch::{FetchError, Fetcher};
use crate::key_set::KeySet;

/// How many requests may wait for one look at the remote set; the rest are answered with the keys at hand.
const MAX_WAITING: usize = 1024;

/// How to go about it. The defaults are right for servers; tests shorten them.
#[derive(Clone)]
pub struct RemoteKeySetOptions {
    /// How often the set is fetched anew: 5 minutes.
    pub refresh_interval: Duration,
    /// How soon it is tried again while there are no keys at all and nobody answers: 1 second.
    pub outage_retry_interval: Duration,
    /// How soon after any other failure: 10 seconds. While older keys serve there is no hurry, and whoever answers with
    /// nonsense would only be asked for more of it.
    pub retry_interval: Duration,
    /// The least time between two looks for an unknown `kid`: 10 seconds. Anybody can invent a `kid`.
    pub unknown_kid_interval: Duration,
    /// How long one fetch may take, metadata included: 5 seconds.
    pub timeout: Duration,
    /// Tells the age of the set and the time between looks.
    pub clock: Arc<dyn Clock>,
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
        }
    }
}

/// What a readiness page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySetStatus {
    /// How many usable keys are at hand.
    pub keys: usize,
    /// When they were fetched; `None` before the first time.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Why the latest fetch failed, in a fixed sentence; `None` if it did not.
    pub last_error: Option<String>,
    /// How many fetches there were.
    pub fetches: Fetches,
}

/// Fetches since the start, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetches {
    /// Brought keys.
    pub succeeded: u64,
    /// Reached nobody.
    pub unreachable: u64,
    /// Took too long.
    pub timed_out: u64,
    /// Were answered, and not with keys that can be used; or not asked, since there is no right URL.
    pub bad_answer: u64,
}

/// A key set on another server. Clones share it; the task that fetches ends with the last of them.
///
/// A failed, empty or hostile answer never replaces keys that were good.
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
    /// Starts fetching from `source`, in a task on the present actix arbiter. Returns at once, without keys.
    ///
    /// # Panics
    /// Outside of an actix system.
    #[must_use]
    pub fn spawn(source: JwksSource, options: RemoteKeySetOptions) -> Self {
        let (refresh_requests, requests) = mpsc::channel(MAX_WAITING);
        let state = Arc::new(State::default());
        let refresher = KeySetRefresher {
            state: Arc::clone(&state),
            fetcher: Fetcher::new(source, options.timeout),
            options,
            last_unknown_kid: None,
        };
        actix_web::rt::spawn(refresher.run(requests));
        Self { state, refresh_requests }
    }

    /// The keys at hand; `None` before the first successful fetch.
    #[must_use]
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.state.keys.load_full()
    }

    /// How the fetching goes.
    #[must_use]
    pub fn status(&self) -> KeySetStatus {
        self.state.status().clone()
    }

    /// Looks for keys that may have been added, and returns when that is done: at most once per
    /// [`unknown_kid_interval`](RemoteKeySetOptions::unknown_kid_interval), and singly, so that many callers wait for one fetch. In between it returns at once.
    pub async fn refresh_for_unknown_kid(&self) {
        let (done, waiting) = oneshot::channel();
        if self.refresh_requests.try_send(done).is_ok() {
            // Both ends of it mean the same: the look is over.
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
        // Whoever panicked left a status that is at worst half new.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetches {
    fn failed(&mut self, error: &FetchError) -> &mut u64 {
        match error {
            FetchError::Unreachable => &mut self.unreachable,
            FetchError::TimedOut => &mut self.timed_out,
            FetchError::BadIssuer
            | FetchError::Status(_)
            | FetchError::TooLarge
            | FetchError::BrokenOff
            | FetchError::BadMetadata
            | FetchError::WrongIssuer
            | FetchError::BadJwksUri
            | FetchError::BadKeySet(_)
            | FetchError::NoUsableKey => &mut self.bad_answer,
        }
    }
}

/// The task behind the handles.
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
            // Dropping a sender wakes its caller.
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
            // A clock set back must not close this for hours.
            (now - last).to_std().map_or(true, |passed| passed >= self.options.unknown_kid_interval)
        });
        if allowed {
            self.last_unknown_kid = Some(now);
        }
        allowed
    }

    /// Fetches once and says how long to wait before the next time.
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
        // Said once and not at every retry.
        if status.last_error.as_ref() != Some(&sentence) {
            log::warn!("no keys from {}: {sentence}", self.fetcher.source());
        }
        status.last_error = Some(sentence);
        *status.fetches.failed(error) += 1;
    }
}
