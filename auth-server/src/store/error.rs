use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::model::ImpossibleValue;

/// Why the database gave no answer. Its text is for the log; callers of the API get `unavailable` or
/// `internal_error` and nothing of this.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had in time.
    #[error("no database connection: {0}")]
    NoConnection(String),
    /// The statement or the commit failed.
    #[error("database: {0}")]
    Query(DieselError),
    /// A unique value is taken already.
    #[error("{0:?} is taken")]
    Taken(Taken),
    /// A row that cannot be.
    #[error(transparent)]
    Impossible(#[from] ImpossibleValue),
    /// Reads would succeed, but no login, refresh or logout.
    #[error("the database is a standby, which takes no writes")]
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite has no standby"))]
    Standby,
    /// It was given up waiting; what was asked for may be done all the same.
    #[error("the database does not answer in time")]
    Overdue,
    /// The hop to the other thread was cut: the process is going down, or the work panicked.
    #[error("the database work was cancelled")]
    Cancelled,
}

/// Which unique value a write ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// `users.email`
    Email,
    /// `users.username`
    Username,
    /// Another server wrote that row first.
    Other,
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Taken(taken(info.message()))
            }
            _ => Self::Query(error),
        }
    }
}

/// PostgreSQL names the constraint (`users_email_key`), SQLite the column (`users.email`), both in the message.
fn taken(message: &str) -> Taken {
    if message.contains("users_email_key") || message.contains("users.email") {
        Taken::Email
    } else if message.contains("users_username_key") || message.contains("users.username") {
        Taken::Username
    } else {
        Taken::Other
    }
}
