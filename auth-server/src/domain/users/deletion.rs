//! Deletes what belongs to a deleted user. The transaction of the deletion does this for most users. For a user with many
//! sessions or events, maintenance continues in batches, so that no transaction holds its locks for long.

use crate::domain::users::factors;
use crate::model::UserId;
use crate::store::events::{self, Position};
use crate::store::{AnyConnection, Database, StoreError, mails, proofs, sessions, users};

/// Sessions and events in one transaction.
const BATCH: i64 = 500;

enum Progress {
    Done,
    /// The events up to this position have no data but the id of the user.
    More(Option<Position>),
}

/// The first batch, and the user's proofs and mails. The user must be marked as deleted.
pub fn start(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    proofs::delete_of_user(connection, user)?;
    mails::delete_of_user(connection, user)?;
    factors::delete_of_user(connection, user)?;
    clean_up(connection, user, None).map(drop)
}

/// Completes all deletions. One that a crash interrupted begins with the first event again.
pub async fn finish(database: &Database) -> Result<(), StoreError> {
    while let Some(user) = database.run(users::first_deleted).await? {
        let mut from = None;
        while let Progress::More(next) =
            database.transaction(move |connection| clean_up(connection, user, from)).await?
        {
            from = next;
            // Requests come first.
            tokio::task::yield_now().await;
        }
        log::info!("completed the deletion of user {user}");
    }
    Ok(())
}

/// Deletes a batch of sessions, or removes everything but the user id from a batch of events after `from`. Deletes the
/// user's row if nothing is left.
fn clean_up(
    connection: &mut AnyConnection,
    user: UserId,
    from: Option<Position>,
) -> Result<Progress, StoreError> {
    // Several servers clean up: one at a time.
    if !users::lock_deleted(connection, user)? {
        return Ok(Progress::Done);
    }
    if sessions::delete_of_user(connection, user, BATCH)? == BATCH {
        return Ok(Progress::More(from));
    }
    if let Some(last) = events::anonymize(connection, user, from, BATCH)? {
        return Ok(Progress::More(Some(last)));
    }
    users::delete(connection, user)?;
    Ok(Progress::Done)
}
