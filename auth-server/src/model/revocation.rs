use crate::model::{SessionId, UserId};

/// Why access tokens that are about are good no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The session has ended.
    Session(SessionId),
    /// The person's record is of this version now: tokens of a lower one are stale.
    User(UserId, u64),
    /// The key was taken out of use.
    Key(String),
}
