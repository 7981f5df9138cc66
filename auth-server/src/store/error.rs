use std::sync::Arc;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::model::ImpossibleValue;

/// Why the database returned no result. The text is for the log. API callers get only `unavailable` or
/// `internal_error`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection was available in time.
    #[error("no database connection: {0}")]
    NoConnection(String),
    /// A statement or the commit failed.
    #[error("database error: {0}")]
    Query(#[source] DieselError),
    /// A unique constraint was violated.
    #[error("duplicate value: {0:?}")]
    Taken(Taken),
    #[error(transparent)]
    Impossible(#[from] ImpossibleValue),
    /// Reads would succeed, but no login, refresh or logout.
    #[error("the database is a standby, which accepts no writes")]
    Standby,
    /// Reads would succeed here, too.
    #[error("the database is read-only: default_transaction_read_only is on")]
    ReadOnly,
    /// The work may still complete.
    #[error("the database did not respond in time")]
    Timeout,
    /// The process is shutting down, or the work panicked.
    #[error("the database work was cancelled")]
    Cancelled,
    /// The error of a statement or a commit that served several requests.
    #[error(transparent)]
    Shared(Arc<StoreError>),
}

impl StoreError {
    /// Whether a stored value cannot be read. Any other error may be an outage.
    pub fn is_unreadable(&self) -> bool {
        match self {
            Self::Impossible(_) | Self::Query(DieselError::DeserializationError(_)) => true,
            Self::Shared(error) => error.is_unreadable(),
            Self::NoConnection(_)
            | Self::Query(_)
            | Self::Taken(_)
            | Self::Standby
            | Self::ReadOnly
            | Self::Timeout
            | Self::Cancelled => false,
        }
    }
}

/// The unique constraint that a write violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Email,
    Username,
    /// Another server inserted the row first.
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

/// The message names the constraint on PostgreSQL (`users_email_key`) and the column on SQLite (`users.email`).
fn taken(message: &str) -> Taken {
    if message.contains("users_email_key") || message.contains("users.email") {
        Taken::Email
    } else if message.contains("users_username_key") || message.contains("users.username") {
        Taken::Username
    } else {
        Taken::Other
    }
}
