use super::journal::Journal;
use crate::model::{Revocation, UserId};
use crate::store::{AnyConnection, StoreError, users};

/// The person's record is of another version from now on: their access tokens are stale, of which resource servers hear, and
/// every login that is under way is void. Comes before the ends of sessions, since it locks the person's row.
pub fn grow(connection: &mut AnyConnection, journal: &mut Journal, user: UserId) -> Result<(), StoreError> {
    if let Some(version) = users::bump_version(connection, user)? {
        journal.revoke(Revocation::User(user, version));
    }
    Ok(())
}
