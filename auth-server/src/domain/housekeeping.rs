//! What has to be done now and then.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join;

use super::Context;
use super::throttle::{KEPT_FAILURES, KEPT_PLACES};
use crate::store::{AnyConnection, StoreError, events, familiar_places, password_failures, sessions};

/// Small enough that a batch never holds others up.
const BATCH: i64 = 500;
const PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Most looks find that nothing is due, and cost nothing: the clock decides, which tests move.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// Purges what nobody needs any more and looks after the signing keys, for as long as it is polled.
pub async fn keep_house(context: Arc<Context>) {
    join(purge(&context), keep_keys(&context)).await;
}

async fn purge(context: &Context) {
    loop {
        let now = context.now();
        purge_rows(context, "expired sessions", now, sessions::purge).await;
        purge_rows(context, "old events", now - context.lifetimes.event, events::purge).await;
        purge_rows(context, "old password failures", now - KEPT_FAILURES, password_failures::purge).await;
        purge_rows(context, "unfamiliar places", now - KEPT_PLACES, familiar_places::purge).await;
        tokio::time::sleep(PURGE_PAUSE).await;
    }
}

async fn keep_keys(context: &Context) {
    loop {
        tokio::time::sleep(KEYS_PAUSE).await;
        if let Err(error) = context.keys.keep(&context.database, context.now()).await {
            log::error!("signing keys could not be looked after: {error}");
        }
    }
}

/// In batches, until nothing is left.
async fn purge_rows(
    context: &Context,
    what: &str,
    before: DateTime<Utc>,
    batch: fn(&mut AnyConnection, DateTime<Utc>, i64) -> Result<usize, StoreError>,
) {
    loop {
        match context.database.run(move |connection| batch(connection, before, BATCH)).await {
            Ok(0) => return,
            Ok(purged) => log::debug!("purged {purged} {what}"),
            Err(error) => return log::warn!("{what} could not be purged: {error}"),
        }
        // Others come first.
        tokio::task::yield_now().await;
    }
}
