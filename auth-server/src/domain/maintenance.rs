//! Background work of a running server: counts for statistics, purges expired rows, completes deletions of users, measures clock skew against the
//! database, rotates signing keys, polls the revocation feed and sends heartbeats.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join4;

use crate::domain::context::Context;
use crate::domain::passwords::{FAILURE_RETENTION, KNOWN_ORIGIN_RETENTION};
use crate::domain::servers::{self, HEARTBEAT_INTERVAL, Health};
use crate::domain::statistics;
use crate::domain::users::deletion;
use crate::domain::users::factors::apps;
use crate::model::{ClientInfo, Proof};
use crate::store::{
    self, AnyConnection, StoreError, events, known_origins, mails, password_failures, proofs, revocations,
    sessions,
};

/// Rows in one transaction, so that no batch holds locks for long.
const BATCH: i64 = 500;
/// After a mail was sent or failed. Requests count the mails of a day to one address.
const MAIL_RETENTION: TimeDelta = TimeDelta::hours(24);
const PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Short because tests move the clock. Most checks find nothing due and do not query the database.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// The same for heartbeats.
const HEARTBEAT_PAUSE: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub async fn run(context: Arc<Context>) {
    join4(
        purge_expired(&context),
        rotate_keys(&context),
        context.feed.poll(&context.database),
        send_heartbeats(&context),
    )
    .await;
}

async fn purge_expired(context: &Context) {
    loop {
        let now = context.now();
        // Before events are purged.
        if let Err(error) = statistics::update(context).await {
            log::warn!("cannot count for the statistics: {error}");
        }
        purge(context, "sessions", now, sessions::purge).await;
        purge(context, "events", now - context.lifetimes.event, events::purge).await;
        purge(context, "password_failures", now - FAILURE_RETENTION, password_failures::purge).await;
        purge(context, "familiar_places", now - KNOWN_ORIGIN_RETENTION, known_origins::purge).await;
        purge(context, "mails", now - MAIL_RETENTION, mails::purge).await;
        // Codes have the same response for as long as any of them could be valid.
        purge(context, "proofs", now - Proof::CODE_LIFETIME, proofs::purge).await;
        purge(context, "revocations", context.feed.expired_before(now), revocations::purge).await;
        purge(context, "servers", now, store::servers::purge).await;
        purge(context, "login_challenges", now, store::login_challenges::purge).await;
        purge(context, "spent_challenges", now, store::spent_challenges::purge).await;
        purge(context, "totp_factors", now - apps::CONFIRMATION, store::totp_factors::purge).await;
        if let Err(error) = apps::reencrypt(context).await {
            log::warn!("cannot encrypt the secrets of authenticator apps anew: {error}");
        }
        context.feed.forget_expired(now);
        if let Err(error) = deletion::finish(&context.database).await {
            log::warn!("cannot complete the deletion of a user: {error}");
        }
        if let Err(error) = context.check_database().await {
            log::debug!("cannot compare the clock with the database's: {error}");
        }
        tokio::time::sleep(PURGE_PAUSE).await;
    }
}

async fn rotate_keys(context: &Context) {
    loop {
        tokio::time::sleep(KEYS_PAUSE).await;
        match context.keys.refresh(&context.operation(&ClientInfo::none())).await {
            Ok(purged) => context.metrics.purged_rows.add("signing_keys", purged as u64),
            Err(error) => log::error!("cannot refresh the signing keys: {error}"),
        }
    }
}

/// One at a time, so that they do not pile up while the database does not respond.
async fn send_heartbeats(context: &Context) {
    let mut last: Option<DateTime<Utc>> = None;
    loop {
        let now = context.now();
        // Also if the clock was set back.
        if last.is_none_or(|last| (now - last).abs() >= HEARTBEAT_INTERVAL) {
            last = Some(now);
            let health = Health {
                can_sign: context.keys.can_sign(),
                mail: context.mailer.as_ref().map(|mailer| mailer.queue.state()),
            };
            let beat = servers::beat(&context.database, &context.this_server, health, now);
            if let Err(error) = beat.await {
                log::debug!("cannot record a heartbeat: {error}");
            }
        }
        tokio::time::sleep(HEARTBEAT_PAUSE).await;
    }
}

/// Deletes expired rows in batches until none is left.
async fn purge<Limit: Copy + Send + 'static>(
    context: &Context,
    table: &'static str,
    before: Limit,
    batch: fn(&mut AnyConnection, Limit, i64) -> Result<usize, StoreError>,
) {
    loop {
        match context.database.transaction(move |connection| batch(connection, before, BATCH)).await {
            Ok(0) => return,
            Ok(purged) => {
                context.metrics.purged_rows.add(table, purged as u64);
                log::debug!("purged {purged} rows of {table}");
            }
            Err(error) => return log::warn!("cannot purge {table}: {error}"),
        }
        // Requests come first.
        tokio::task::yield_now().await;
    }
}
