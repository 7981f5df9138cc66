//! E-mail addresses that an earlier version stored in a form that [`Email::parse`] no longer returns.

use crate::model::{Email, UserId};
use crate::store::{AnyConnection, Database, StoreError, Taken, users};

const BATCH: i64 = 500;

/// Stores such addresses in today's form: a login searches for no other one. Leaves an address alone, with a warning, if it
/// has become invalid or if another user has its new form.
pub async fn normalize(database: &Database) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        let batch = database
            .run(move |connection: &mut AnyConnection| users::emails_outside_ascii(connection, &from, BATCH));
        let batch: Vec<(UserId, String)> = batch.await?;
        let Some((_, last)) = batch.last() else { return Ok(()) };
        last.clone_into(&mut after);
        for (id, stored) in batch {
            normalize_one(database, id, &stored).await?;
        }
    }
}

async fn normalize_one(database: &Database, id: UserId, stored: &str) -> Result<(), StoreError> {
    let Ok(email) = Email::parse(stored) else {
        log::warn!("user {id}: the stored e-mail address is invalid, so the user cannot log in with it");
        return Ok(());
    };
    if email.as_str() == stored {
        return Ok(());
    }
    let rename = move |connection: &mut AnyConnection| users::set_email(connection, id, &email);
    match database.transaction(rename).await {
        Err(StoreError::Taken(Taken::Email)) => {
            log::warn!(
                "user {id}: another user has the same e-mail address, so this user cannot log in with it"
            );
            Ok(())
        }
        other => other,
    }
}
