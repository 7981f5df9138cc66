//! The table `guards`: rows to lock where no other row can guard a rule.

use diesel::prelude::*;

use crate::store::schema::guards;
use crate::store::{AnyConnection, StoreError};

/// Held by whoever changes something that may leave no enabled administrator.
pub const LAST_ADMINISTRATOR: &str = "last_administrator";

/// Locks the row until the transaction ends.
///
/// # Errors
/// The database failed.
pub fn acquire(connection: &mut AnyConnection, name: &str) -> Result<(), StoreError> {
    let row = guards::table.filter(guards::name.eq(name));
    let taken = diesel::update(row).set(guards::taken.eq(guards::taken + 1)).execute(connection)?;
    if taken == 1 { Ok(()) } else { Err(StoreError::Query(diesel::result::Error::NotFound)) }
}
