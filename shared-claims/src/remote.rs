//! The keys of another server: fetched, refreshed in the background, kept while that server is away (RFC 8414, RFC 7517).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::clock::{Clock, SystemClock};
pub use crate::fetch::Source;
use crate::fetch::{FetchError, Fetcher};
use crate::key_set::KeySet;

/// How many requests may wait for one look at the remote set; the rest are answered with the keys at hand.
const MAX_WAITING: usize = 1024;

/// How to go about it. The defaults are right for servers; tests shorten them.
#[derive(Clone)]
pub struct Options {
    /// How often the set is fetched anew: 5 minutes.
    pub refresh_every: Duration,
    /// How soon it is tried again while there are no keys at all and nobody answers: 1 second.
    pub retry_soon: Duration,
    /// How soon after any other failure: 10 seconds. While older keys serve there is no hurry, and whoever answers with
    /// nonsense would only be asked for more of it.
    pub retry_later: Duration,
    /// The least time between two looks for an unknown `kid`: 10 seconds. Anybody can invent a `kid`.
    pub look_again_after: Duration,
    /// How long one fetch may take, metadata included: 5 seconds.
    pub timeout: Duration,
    /// Tells the age of the set and the time between looks.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_secs(5 * 60),
            retry_soon: Duration::from_secs(1),
            retry_later: Duration::from_secs(10),
            look_again_after: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
        }
    }
}

/// What a readiness page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
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
    looks: mpsc::Sender<oneshot::Sender<()>>,
}

#[derive(Default)]
struct State {
    keys: ArcSwapOption<KeySet>,
    status: Mutex<Status>,
}

impl RemoteKeySet {
    /// Starts fetching from `source`, in a task on the present actix arbiter. Returns at once, without keys.
    ///
    /// # Panics
    /// Outside of an actix system.
    #[must_use]
    pub fn spawn(source: Source, options: Options) -> Self {
        let (looks, requests) = mpsc::channel(MAX_WAITING);
        let state = Arc::new(State::default());
        let keeper = Keeper {
            state: Arc::clone(&state),
            fetcher: Fetcher::new(source, options.timeout),
            options,
            last_look: None,
        };
        actix_web::rt::spawn(keeper.run(requests));
        Self { state, looks }
    }

    /// The keys at hand; `None` before the first successful fetch.
    #[must_use]
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.state.keys.load_full()
    }

    /// How the fetching goes.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status().clone()
    }

    /// Looks for keys that may have been added, and returns when that is done: at most once per
    /// [`look_again_after`](Options::look_again_after), and singly, so that many callers wait for one fetch. In between it returns at once.
    pub async fn refresh_for_unknown_kid(&self) {
        let (done, waiting) = oneshot::channel();
        if self.looks.try_send(done).is_ok() {
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
    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
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
struct Keeper {
    state: Arc<State>,
    fetcher: Fetcher,
    options: Options,
    last_look: Option<DateTime<Utc>>,
}

impl Keeper {
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
                        Some(caller) if self.may_look() => break Some(caller),
                        Some(_too_soon) => {}
                    },
                }
            };
        }
    }

    fn may_look(&mut self) -> bool {
        let now = self.options.clock.now();
        let allowed = self.last_look.is_none_or(|last| {
            // A clock set back must not close this for hours.
            (now - last).to_std().map_or(true, |passed| passed >= self.options.look_again_after)
        });
        if allowed {
            self.last_look = Some(now);
        }
        allowed
    }

    /// Fetches once and says how long to wait before the next time.
    async fn fetch(&self) -> Duration {
        match self.fetcher.fetch().await {
            Ok(keys) => {
                self.accept(keys);
                self.options.refresh_every
            }
            Err(error) => {
                self.note(&error);
                if self.state.keys.load().is_none() && error.is_an_outage() {
                    self.options.retry_soon
                } else {
                    self.options.retry_later.min(self.options.refresh_every)
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

    fn note(&self, error: &FetchError) {
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
