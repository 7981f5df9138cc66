//! The outbox as operators and administrators see it.

use crate::model::Page;
use crate::store::mails;
pub use crate::store::mails::{ListedMail, Position as Cursor, Retry, State};
use crate::store::{Database, StoreError};

/// One page of the mails in this state, or of all, newest first.
pub async fn page(
    database: &Database,
    state: Option<State>,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page<ListedMail, Cursor>, StoreError> {
    let mails = database.run(move |connection| mails::page(connection, state, cursor, limit + 1)).await?;
    let cursor =
        |last: &ListedMail| Some(Cursor { at: last.created_at.and_utc(), id: last.id.parse().ok()? });
    Ok(Page::new(mails, limit, cursor))
}
