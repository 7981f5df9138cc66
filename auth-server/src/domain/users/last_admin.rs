//! There is always somebody who can administer: the last enabled administrator can be neither demoted, disabled nor deleted.

use crate::model::User;
use crate::store::{AnyConnection, StoreError, advisory_locks, users};

/// Somebody would have been left with nobody to turn to.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the last enabled administrator can be neither demoted, disabled nor deleted")]
pub struct LastAdministrator;

/// Comes first in a transaction that may leave nobody: of two administrators who demote each other at the same moment, the
/// second waits here, and then sees what the first did.
pub fn lock(connection: &mut AnyConnection) -> Result<(), StoreError> {
    advisory_locks::acquire(connection, advisory_locks::LAST_ADMINISTRATOR)
}

/// Comes last in it. `before` is the person as they were.
pub fn ensure_one_left<E>(connection: &mut AnyConnection, before: &User) -> Result<(), E>
where
    E: From<StoreError> + From<LastAdministrator>,
{
    // Where there was no administrator before, none is lost.
    if before.is_enabled_administrator() && !users::any_enabled_administrator(connection)? {
        return Err(LastAdministrator.into());
    }
    Ok(())
}
