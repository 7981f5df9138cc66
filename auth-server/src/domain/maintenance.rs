//! Background work of a running server: purges expired rows, completes deletions of users, measures clock skew against the database, rotates signing
//! keys and polls the revocation feed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join3;

use crate::domain::context::Context;
use crate::domain::passwords::{FAILURE_RETENTION, KNOWN_ORIGIN_RETENTION};
use crate::domain::users::deletion;
use crate::model::ClientInfo;
use crate::store::{
    AnyConnection, StoreError, events, known_origins, password_failures, revocations, sessions,
};

/// Rows in one transaction, so that no batch holds locks for long.
const BATCH: i64 = 500;
const PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Short because tests move the clock. Most checks find nothing due and do not query the database.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub async fn run(context: Arc<Context>) {
    join3(purge_expired(&context), rotate_keys(&context), context.feed.poll(&context.database)).await;
}

async fn purge_expired(context: &Context) {
    loop {
        let now = context.now();
        purge(context, "sessions", now, sessions::purge).await;
        purge(context, "events", now - context.lifetimes.event, events::purge).await;
        purge(context, "password_failures", now - FAILURE_RETENTION, password_failures::purge).await;
        purge(context, "familiar_places", now - KNOWN_ORIGIN_RETENTION, known_origins::purge).await;
        purge(context, "revocations", context.feed.expired_before(now), revocations::purge).await;
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
