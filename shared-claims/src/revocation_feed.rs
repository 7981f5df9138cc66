//! Listens to an auth server: what was revoked is known here within a second.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use awc::error::{PayloadError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{AUTHORIZATION, HeaderValue};
use awc::{Client, Connector};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{self, Instant};
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::fetch::tls;
use crate::revocations::{RevocationPage, Revocations};

/// The most bytes of an answer that are read: some 700,000 ended sessions.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// How long the rest of an answer may take that has begun.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How to go about it. The defaults are right for servers; tests shorten them.
#[derive(Clone)]
pub struct FeedOptions {
    /// For how long the auth server may wait for news, 1 to 30 seconds: 1 second. Longer would save a request a second,
    /// and would take longer to notice that nobody is there any more.
    pub wait: Duration,
    /// How long an answer may take beyond that: 2 seconds.
    pub timeout: Duration,
    /// How soon it is tried again after a failure: a quarter of a second.
    pub retry_interval: Duration,
    /// How often everything is fetched anew: 60 seconds.
    pub snapshot_interval: Duration,
    /// Tells the age of the lists.
    pub clock: Arc<dyn Clock>,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            retry_interval: Duration::from_millis(250),
            snapshot_interval: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
        }
    }
}

impl FeedOptions {
    /// Less would make it ask all the time; more the auth server refuses.
    fn wait(&self) -> Duration {
        self.wait.clamp(Duration::from_secs(1), Duration::from_secs(30))
    }
}

/// The feed of an auth server. Clones share it; the task that listens ends with the last of them.
#[derive(Clone)]
pub struct RevocationFeed {
    revocations: Revocations,
    status: Arc<Mutex<FeedStatus>>,
}

/// How the listening goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedStatus {
    /// Why the latest try failed, in a fixed sentence; `None` if it did not.
    pub last_error: Option<FeedError>,
    /// How many tries failed.
    pub failures: u64,
}

/// Why nothing was heard. Fixed sentences: they are shown on the readiness page, which strangers can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// No connection, or one that broke.
    #[error("the auth server cannot be reached")]
    Unreachable,
    /// Connected, and then silent.
    #[error("the auth server did not answer in time")]
    TimedOut,
    /// `REVOCATION_FEED_TOKEN` is another one there.
    #[error("the auth server does not accept our REVOCATION_FEED_TOKEN")]
    Unauthorized,
    /// There is no feed: `REVOCATION_FEED_TOKEN` is not set there.
    #[error("the auth server has no feed there")]
    NotFound,
    /// Any other status, or what is no page of a feed.
    #[error("the auth server's answer cannot be used")]
    InvalidResponse,
}

impl RevocationFeed {
    /// Starts listening at `url`, in a task on the present actix arbiter. Returns at once, with empty lists.
    ///
    /// # Panics
    /// Outside of an actix system.
    #[must_use]
    pub fn spawn(url: Url, token: &SecretString, max_age: Option<Duration>, options: FeedOptions) -> Self {
        let feed = Self { revocations: Revocations::new(max_age), status: Arc::default() };
        let listener = Listener {
            revocations: feed.revocations.clone(),
            status: Arc::downgrade(&feed.status),
            client: client(&options, token),
            url,
            cursor: None,
            snapshot_due: Instant::now(),
            options,
        };
        actix_web::rt::spawn(listener.run());
        feed
    }

    /// What was revoked.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// How the listening goes.
    #[must_use]
    pub fn status(&self) -> FeedStatus {
        *lock(&self.status)
    }
}

impl fmt::Debug for RevocationFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationFeed")
            .field("revocations", &self.revocations)
            .field("status", &self.status())
            .finish()
    }
}

/// The task behind the handles.
struct Listener {
    revocations: Revocations,
    status: Weak<Mutex<FeedStatus>>,
    client: Client,
    url: Url,
    cursor: Option<String>,
    snapshot_due: Instant,
    options: FeedOptions,
}

impl Listener {
    async fn run(mut self) {
        loop {
            let received = self.poll().await;
            let Some(status) = self.status.upgrade() else { return };
            let is_up_to_date = match received {
                Ok(page) => {
                    self.record_success(&status);
                    self.accept(page)
                }
                Err(error) => {
                    self.record_failure(&status, error);
                    // Should everything be too much, what is new is not.
                    self.snapshot_due = Instant::now() + self.options.snapshot_interval;
                    false
                }
            };
            // Whoever holds the other handles may drop them meanwhile.
            drop(status);
            self.revocations.remove_expired(self.options.clock.now());
            if !is_up_to_date {
                time::sleep(self.options.retry_interval).await;
            }
        }
    }

    async fn poll(&self) -> Result<RevocationPage, FeedError> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("wait", &self.options.wait().as_secs().to_string());
        if let Some(cursor) = self.cursor.as_ref().filter(|_| Instant::now() < self.snapshot_due) {
            url.query_pairs_mut().append_pair("after", cursor);
        }
        self.get(&url).await
    }

    async fn get(&self, url: &Url) -> Result<RevocationPage, FeedError> {
        let timeout = self.options.wait() + self.options.timeout;
        let sent = time::timeout(timeout, self.client.get(url.as_str()).send()).await;
        let mut response = sent.map_err(|_| FeedError::TimedOut)?.map_err(|error| match error {
            SendRequestError::Timeout => FeedError::TimedOut,
            _ => FeedError::Unreachable,
        })?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(FeedError::Unauthorized),
            StatusCode::NOT_FOUND => return Err(FeedError::NotFound),
            _ => return Err(FeedError::InvalidResponse),
        }
        // Large where much has ended, and slow where the line is.
        let body = time::timeout(BODY_TIMEOUT, response.body().limit(MAX_BODY_BYTES)).await;
        let body = body.map_err(|_| FeedError::TimedOut)?.map_err(|error| match error {
            PayloadError::Overflow => FeedError::InvalidResponse,
            _ => FeedError::Unreachable,
        })?;
        serde_json::from_slice(&body).map_err(|_| FeedError::InvalidResponse)
    }

    /// `false` where it knows less than we do.
    fn accept(&mut self, page: RevocationPage) -> bool {
        if page.snapshot {
            // Behind a load balancer another server may answer that has not heard yet what we have: its snapshot would let
            // ended sessions in again for a moment.
            let is_older = self.cursor.as_deref().is_some_and(|known| is_older(&page.cursor, known));
            // The next question says how much we know, so that a server can see whether it has fallen behind.
            self.snapshot_due = Instant::now() + self.options.snapshot_interval;
            if is_older {
                return false;
            }
        }
        self.cursor = Some(page.cursor.clone());
        self.revocations.apply(page, self.options.clock.now());
        true
    }

    fn record_success(&self, status: &Mutex<FeedStatus>) {
        let mut status = lock(status);
        if self.revocations.updated_at().is_none() || status.last_error.is_some() {
            log::info!("hearing of revocations from {}", self.url);
        }
        status.last_error = None;
    }

    fn record_failure(&self, status: &Mutex<FeedStatus>, error: FeedError) {
        let mut status = lock(status);
        // Said once and not at every retry.
        if status.last_error != Some(error) {
            log::warn!("no revocations from {}: {error}", self.url);
        }
        status.last_error = Some(error);
        status.failures += 1;
    }
}

/// Whether a cursor is of the same epoch, and of before.
fn is_older(cursor: &str, than: &str) -> bool {
    let parts = |cursor: &str| {
        let (epoch, seq) = cursor.rsplit_once('.')?;
        Some((epoch.to_owned(), seq.parse::<i64>().ok()?))
    };
    match (parts(cursor), parts(than)) {
        (Some((epoch, seq)), Some((known_epoch, known_seq))) => epoch == known_epoch && seq < known_seq,
        _ => false,
    }
}

fn client(options: &FeedOptions, token: &SecretString) -> Client {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .unwrap_or(HeaderValue::from_static(""));
    bearer.set_sensitive(true);
    Client::builder()
        .connector(Connector::new().rustls_0_23(Arc::new(tls())).timeout(options.timeout))
        .timeout(options.wait() + options.timeout + BODY_TIMEOUT)
        .add_default_header((AUTHORIZATION, bearer))
        // A redirect would show the token to whoever is named.
        .disable_redirects()
        .finish()
}

fn lock(status: &Mutex<FeedStatus>) -> MutexGuard<'_, FeedStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}
