//! The outbox as operators and administrators see it.

use chrono::{DateTime, Utc};

use crate::store::mails;
pub use crate::store::mails::{ListedMail, Position as Cursor, Retry, State};
use crate::store::{Database, StoreError};

/// Mails, newest first.
pub struct Page {
    /// At most `limit`.
    pub mails: Vec<ListedMail>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// One page of the mails in this state, or of all.
pub async fn page(
    database: &Database,
    state: Option<State>,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    // One more than requested shows whether there is a next page.
    let mut mails = database.run(move |connection| mails::page(connection, state, cursor, limit + 1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = mails.len() > limit;
    mails.truncate(limit);
    let next = mails.last().filter(|_| has_more);
    let next =
        next.and_then(|mail| Some(Cursor { at: mail.created_at.and_utc(), id: mail.id.parse().ok()? }));
    Ok(Page { mails, next })
}

/// Makes mails due now that failed or wait, unless they have expired or were sent. Returns how many.
pub async fn retry(database: &Database, which: Retry, now: DateTime<Utc>) -> Result<usize, StoreError> {
    database.transaction(move |connection| mails::retry(connection, &which, now)).await
}
