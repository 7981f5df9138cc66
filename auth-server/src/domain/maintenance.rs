//! What has to be done now and then.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join3;

use crate::domain::context::Context;
use crate::domain::passwords::throttle::{FAILURE_RETENTION, KNOWN_ORIGIN_RETENTION};
use crate::store::{
    AnyConnection, StoreError, events, known_origins, password_failures, revocations, sessions,
};

/// Small enough that a batch never holds others up.
const BATCH: i64 = 500;
const PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Most looks find that nothing is due, and cost nothing: the clock decides, which tests move.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// Purges what nobody needs any more, compares clocks and looks after the signing keys, for as long as it is polled.
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
        let forgotten = context.feed.forgotten_before(now);
        purge(context, "revocations", forgotten, revocations::purge).await;
        context.feed.forget(now);
        if let Err(error) = context.check_database().await {
            log::debug!("the clocks could not be compared: {error}");
        }
        tokio::time::sleep(PURGE_PAUSE).await;
    }
}

async fn rotate_keys(context: &Context) {
    loop {
        tokio::time::sleep(KEYS_PAUSE).await;
        match context.keys.refresh(&context.database, context.now()).await {
            Ok(purged) => context.metrics.purged_rows.add("signing_keys", purged as u64),
            Err(error) => log::error!("signing keys could not be looked after: {error}"),
        }
    }
}

/// Removes what is older, in batches, until nothing is left.
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
            Err(error) => return log::warn!("{table} could not be purged: {error}"),
        }
        // Others come first.
        tokio::task::yield_now().await;
    }
}
