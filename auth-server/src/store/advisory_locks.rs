//! The table `guards`: rows to lock for rules that no other row can protect.

use diesel::prelude::*;

use crate::store::schema::guards;
use crate::store::{AnyConnection, StoreError};

/// Held by changes that might leave no enabled administrator, and by the one that creates the first.
pub const LAST_ADMINISTRATOR: &str = "last_administrator";

/// Locks the row until the end of the transaction.
pub fn acquire(connection: &mut AnyConnection, name: &str) -> Result<(), StoreError> {
    let row = guards::table.filter(guards::name.eq(name));
    let updated = diesel::update(row).set(guards::taken.eq(guards::taken + 1)).execute(connection)?;
    if updated == 1 { Ok(()) } else { Err(StoreError::Query(diesel::result::Error::NotFound)) }
}
