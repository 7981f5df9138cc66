//! Sends the mails of the outbox. Every auth server does so; a lease decides which one sends a mail.
//!
//! A mail is sent at least once: if a server stops between the response of the mail server and its own commit, another one
//! sends the mail again, identical byte by byte.

mod attempt;
mod content;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::domain::context::Context;
use crate::domain::mail::{Connection, Mailer};
use crate::domain::mail_delivery::attempt::Attempted;
use crate::domain::operation::{NotAdministrator, Operation, Transaction};
use crate::model::random_text;
use crate::store::mails::{self, Retry, StoredMail};
use crate::store::{AnyConnection, StoreError};

/// How long a mail belongs to the server that claimed it.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// A mail is not started with less than this left of its lease: the time limit of a delivery, and time to record it.
const LEASE_RESERVE: TimeDelta = TimeDelta::seconds(45);
const CLAIM: i64 = 10;
/// Deliveries at a time. A slow one does not delay the others.
const DELIVERIES: usize = 4;
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// After a failure of the mail server that has nothing to do with a mail.
const SERVER_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// How long deliveries in progress may take when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Runs until `stop` changes. Deliveries in progress then have 10 seconds.
pub async fn run(context: Arc<Context>, mut stop: watch::Receiver<bool>) {
    let Some(mailer) = context.mailer.as_ref() else { return };
    let mut sender = Sender {
        context: &context,
        mailer,
        claimed: VecDeque::new(),
        idle: Vec::new(),
        deliveries: JoinSet::new(),
        paused_until: None,
        observed_at: None,
    };
    loop {
        sender.start_deliveries().await;
        tokio::select! {
            Some(done) = sender.deliveries.join_next() => {
                if let Ok(attempted) = done {
                    sender.handle(attempted);
                }
            }
            () = sleep(POLL_PAUSE) => {}
            _ = stop.changed() => break,
        }
    }
    sender.stop().await;
}

/// Makes mails due now that failed or wait, unless they have expired or were sent. Returns how many.
pub async fn retry(operation: &Operation<'_>, which: Retry) -> Result<usize, RetryError> {
    let retry = move |tx: &mut Transaction<'_>| {
        tx.check_administrator::<RetryError>()?;
        Ok(mails::retry(tx.connection, &which, tx.now)?)
    };
    operation.transaction(retry).await
}

#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error(transparent)]
    NotAdministrator(#[from] NotAdministrator),
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Sender<'a> {
    context: &'a Arc<Context>,
    mailer: &'a Mailer,
    claimed: VecDeque<StoredMail>,
    /// Connections that the next deliveries use.
    idle: Vec<Connection>,
    deliveries: JoinSet<Attempted>,
    paused_until: Option<DateTime<Utc>>,
    observed_at: Option<Instant>,
}

impl Sender<'_> {
    async fn start_deliveries(&mut self) {
        self.observe().await;
        if self.paused_until.is_some_and(|until| self.context.now() < until) {
            self.release().await;
            return;
        }
        if self.claimed.is_empty() && self.deliveries.len() < DELIVERIES && self.mailer.queue.waiting() > 0 {
            self.claim().await;
        }
        while self.deliveries.len() < DELIVERIES
            && let Some(mail) = self.claimed.pop_front()
        {
            if mail.leased_until - self.context.now() < LEASE_RESERVE {
                self.claimed.push_front(mail);
                self.release().await;
                break;
            }
            self.deliveries.spawn(attempt::deliver(Arc::clone(self.context), mail, self.idle.pop()));
        }
        if self.deliveries.is_empty() {
            for connection in self.idle.drain(..) {
                tokio::spawn(connection.close());
            }
        }
    }

    /// Counts the mails that wait, once in each pause.
    async fn observe(&mut self) {
        if self.observed_at.is_some_and(|at| at.elapsed() < POLL_PAUSE) {
            return;
        }
        self.observed_at = Some(Instant::now());
        match self.context.database.run(mails::waiting).await {
            Ok(waiting) => {
                self.mailer.queue.observe(waiting.count.unsigned_abs(), waiting.first_due);
            }
            Err(error) => log::debug!("cannot read the outbox: {error}"),
        }
    }

    async fn claim(&mut self) {
        let (lease, now) = (random_text::<16>().expose_secret().to_owned(), self.context.now());
        let claim = move |connection: &mut AnyConnection| mails::claim(connection, &lease, LEASE, CLAIM, now);
        match self.context.database.transaction::<_, StoreError>(claim).await {
            Ok(claimed) => self.claimed = claimed.into(),
            Err(error) => log::warn!("cannot claim mails: {error}"),
        }
    }

    fn handle(&mut self, attempted: Attempted) {
        match attempted {
            Attempted::NotAtServer(connection) => self.idle.extend(connection),
            Attempted::Reached(connection) => {
                self.idle.extend(connection);
                self.paused_until = None;
                if self.mailer.queue.set_failing(false) {
                    log::info!("the mail server accepts mails again");
                }
            }
            Attempted::ServerFailed(reason) => {
                self.paused_until = Some(self.context.now() + SERVER_PAUSE);
                self.idle.clear();
                if self.mailer.queue.set_failing(true) {
                    log::error!(
                        "cannot send mails: {reason}; trying again every {} s",
                        SERVER_PAUSE.num_seconds()
                    );
                } else {
                    log::debug!("cannot send mails: {reason}");
                }
            }
        }
    }

    /// Returns the mails that were claimed and not started.
    async fn release(&mut self) {
        for mail in std::mem::take(&mut self.claimed) {
            attempt::release(self.context, &mail).await;
        }
    }

    async fn stop(mut self) {
        self.release().await;
        let all = async { while self.deliveries.join_next().await.is_some() {} };
        if timeout(STOP_LIMIT, all).await.is_err() {
            log::warn!("stopping during a delivery: the mail may be sent twice");
        }
    }
}
