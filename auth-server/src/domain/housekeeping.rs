//! What has to be done now and then.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;

use super::Context;
use crate::store::sessions;

/// Small enough that a batch never holds others up.
const BATCH: i64 = 500;
const PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Most looks find that nothing is due, and cost nothing: the clock decides, which tests move.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// Purges expired sessions and looks after the signing keys, for as long as it is polled.
pub async fn keep_house(context: Arc<Context>) {
    join(purge_sessions(&context), keep_keys(&context)).await;
}

async fn purge_sessions(context: &Context) {
    loop {
        purge_expired_sessions(context).await;
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

async fn purge_expired_sessions(context: &Context) {
    let now = context.now();
    loop {
        match context.database.run(move |connection| sessions::purge(connection, now, BATCH)).await {
            Ok(0) => return,
            Ok(purged) => log::debug!("purged {purged} expired sessions"),
            Err(error) => return log::warn!("expired sessions could not be purged: {error}"),
        }
        // Others come first.
        tokio::task::yield_now().await;
    }
}
