//! What has to be done now and then.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use crate::store::sessions;

/// Small enough that a batch never holds others up.
const BATCH: i64 = 500;
const PAUSE: Duration = Duration::from_secs(60);

/// Purges expired sessions and looks for new signing keys, at once and then every minute, for as long as it is polled.
pub async fn keep_house(context: Arc<Context>) {
    loop {
        purge_expired_sessions(&context).await;
        if let Err(error) = context.keys.reload(&context.database).await {
            log::warn!("signing keys could not be looked up: {error}");
        }
        tokio::time::sleep(PAUSE).await;
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
