//! Polls the revocation feed of an auth server, so that revoked tokens are rejected within a second.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use awc::Client;
use awc::error::{PayloadError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{self, Instant};
use url::Url;

use crate::background;
use crate::clock::{Clock, SystemClock};
use crate::fetch;
use crate::revocations::{RevocationPage, Revocations};
use crate::tls::BadCertificate;

/// The maximum size of a response: about 700,000 ended sessions.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// The timeout for the body, once the response has begun.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The timing of a [`RevocationFeed`]. The defaults suit servers; tests shorten them.
#[derive(Clone)]
pub struct FeedOptions {
    /// How long the auth server may hold a request when nothing is new, 1 to 30 seconds: 1 second. A longer wait saves
    /// requests but detects an outage later.
    pub wait: Duration,
    /// The timeout of a request beyond `wait`: 2 seconds.
    pub timeout: Duration,
    /// The time until a retry: a quarter of a second.
    pub retry_interval: Duration,
    /// The time between two snapshots: 60 seconds.
    pub snapshot_interval: Duration,
    /// Used for the age of the list and the expiry of its entries.
    pub clock: Arc<dyn Clock>,
    /// Root certificates to trust in addition to those of the system, in PEM: none.
    pub ca_certificates: String,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            retry_interval: Duration::from_millis(250),
            snapshot_interval: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
            ca_certificates: String::new(),
        }
    }
}

impl FeedOptions {
    /// A shorter wait would poll without a pause, and the auth server rejects a longer one.
    fn wait(&self) -> Duration {
        self.wait.clamp(Duration::from_secs(1), Duration::from_secs(30))
    }
}

/// The revocation feed of an auth server. Clones share it; the background task ends when the last clone is dropped.
#[derive(Clone)]
pub struct RevocationFeed {
    revocations: Revocations,
    status: Arc<Mutex<FeedStatus>>,
}

/// The state of a [`RevocationFeed`], for readiness pages and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedStatus {
    /// Why the latest request failed; `None` if it succeeded.
    pub last_error: Option<FeedError>,
    /// The number of failed requests.
    pub failures: u64,
}

/// Why a request failed. The messages are fixed because the public readiness page shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// There is no connection, or it broke.
    #[error("the auth server cannot be reached")]
    Unreachable,
    /// The certificate of the auth server is rejected.
    #[error(transparent)]
    BadCertificate(#[from] BadCertificate),
    /// The response did not arrive in time.
    #[error("the auth server did not respond in time")]
    TimedOut,
    /// The auth server has another `REVOCATION_FEED_TOKEN`.
    #[error("the auth server rejected REVOCATION_FEED_TOKEN")]
    Unauthorized,
    /// `REVOCATION_FEED_TOKEN` is not set at the auth server, or the URL is wrong.
    #[error("the auth server has no revocation feed at this URL")]
    NotFound,
    /// Another status, or a body that is not a page of the feed.
    #[error("the response of the auth server is invalid")]
    InvalidResponse,
}

impl RevocationFeed {
    /// Starts a task that polls `url` with `token`: on the current actix arbiter, or without one on a thread of its own.
    /// Returns immediately, with an empty list. For `max_age` see [`Revocations::new`].
    #[must_use]
    pub fn spawn(url: Url, token: &SecretString, max_age: Option<Duration>, options: FeedOptions) -> Self {
        let feed = Self { revocations: Revocations::new(max_age), status: Arc::default() };
        let (revocations, status) = (feed.revocations.clone(), Arc::downgrade(&feed.status));
        let token = token.clone();
        background::spawn(move || {
            let client = client(&options, &token);
            Poller { revocations, status, client, url, cursor: None, snapshot_due: Instant::now(), options }
                .run()
        });
        feed
    }

    /// The revocation list, for [`with_revocations`](crate::AccessTokenValidator::with_revocations).
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The current state.
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

/// The background task.
struct Poller {
    revocations: Revocations,
    status: Weak<Mutex<FeedStatus>>,
    client: Client,
    url: Url,
    cursor: Option<String>,
    snapshot_due: Instant,
    options: FeedOptions,
}

impl Poller {
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
                    // If the snapshot was too large, the next page may not be.
                    self.snapshot_due = Instant::now() + self.options.snapshot_interval;
                    false
                }
            };
            // Without this strong reference, the task notices when the last handle is dropped.
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
        let mut response = sent.map_err(|_| FeedError::TimedOut)?.map_err(|error| {
            match (BadCertificate::of(&error), error) {
                (Some(certificate), _) => certificate.into(),
                (None, SendRequestError::Timeout) => FeedError::TimedOut,
                (None, _) => FeedError::Unreachable,
            }
        })?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(FeedError::Unauthorized),
            StatusCode::NOT_FOUND => return Err(FeedError::NotFound),
            _ => return Err(FeedError::InvalidResponse),
        }
        let body = time::timeout(BODY_TIMEOUT, response.body().limit(MAX_BODY_BYTES)).await;
        let body = body.map_err(|_| FeedError::TimedOut)?.map_err(|error| match error {
            PayloadError::Overflow => FeedError::InvalidResponse,
            _ => FeedError::Unreachable,
        })?;
        let page: RevocationPage = serde_json::from_slice(&body).map_err(|_| FeedError::InvalidResponse)?;
        // Without the complete list first, changes alone would accept the sessions that ended before.
        let is_incomplete = self.cursor.is_none() && !page.snapshot;
        if is_incomplete { Err(FeedError::InvalidResponse) } else { Ok(page) }
    }

    /// Returns `false` if the page is older than the list.
    fn accept(&mut self, page: RevocationPage) -> bool {
        if page.snapshot {
            // Behind a load balancer, a server that is behind can respond. Its snapshot would accept ended sessions again.
            let is_older = self.cursor.as_deref().is_some_and(|known| is_older(&page.cursor, known));
            // The next request has the cursor, so that the server can see that it is behind.
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
            log::info!("receiving revocations from {}", self.url);
        }
        status.last_error = None;
    }

    fn record_failure(&self, status: &Mutex<FeedStatus>, error: FeedError) {
        let mut status = lock(status);
        // Logged once, not at every retry.
        if status.last_error != Some(error) {
            log::warn!("cannot fetch revocations from {}: {error}", self.url);
        }
        status.last_error = Some(error);
        status.failures += 1;
    }
}

/// Whether `cursor` is of the same epoch as `than` and before it.
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
    let timeout = options.wait() + options.timeout + BODY_TIMEOUT;
    fetch::client(options.timeout, timeout, (AUTHORIZATION, bearer), &options.ca_certificates)
}

fn lock(status: &Mutex<FeedStatus>) -> MutexGuard<'_, FeedStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}
