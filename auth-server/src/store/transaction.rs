use std::error::Error;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::fail_points;
use crate::store::{AnyConnection, StoreError};

type Transactions = <AnyConnection as diesel::Connection>::TransactionManager;

/// How often a transaction is run if the database rolls it back because of another one.
const ATTEMPTS: usize = 4;

/// Does the work once and keeps its result.
pub type Attempt = Box<dyn FnMut(&mut AnyConnection) -> Result<(), Abort> + Send>;

/// Why a transaction is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum Abort {
    /// The work failed, and its error was kept.
    #[error("{error}")]
    Failed { error: String, is_conflict: bool },
    /// The transaction failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an attempt in a transaction that `begin` starts: committed if it returns `Ok`, otherwise rolled back. If PostgreSQL rolls
/// it back because of a deadlock or a serialization failure, nothing was committed, and there is another attempt.
pub fn transaction(
    connection: &mut AnyConnection,
    begin: &'static str,
    attempt: &mut Attempt,
) -> Result<(), Abort> {
    for _ in 1..ATTEMPTS {
        match transaction_once(connection, begin, &mut *attempt) {
            Err(abort) if abort.is_conflict() => log::debug!("retrying a transaction: {abort}"),
            result => return result,
        }
    }
    transaction_once(connection, begin, attempt)
}

/// Runs `work` in a transaction: committed if it returns `Ok`, otherwise rolled back.
pub fn transaction_once<T, E: From<StoreError>>(
    connection: &mut AnyConnection,
    start: &'static str,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    begin(connection, start)?;
    match work(connection) {
        Ok(value) => Ok(commit(connection, 1).map(|()| value)?),
        Err(error) => {
            // A connection that cannot roll back is broken, and the pool discards it.
            if let Err(worse) = Transactions::rollback_transaction(connection) {
                log::error!("cannot roll back: {worse}");
            }
            Err(error)
        }
    }
}

/// Runs `work` in a part of an open transaction. If it fails, only this part is rolled back.
pub fn savepoint(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<(), Abort>,
) -> Result<(), Abort> {
    let failed = |error: DieselError| Abort::from(StoreError::from(error));
    Transactions::begin_transaction(connection).map_err(failed)?;
    let result = work(connection).and_then(|()| Transactions::commit_transaction(connection).map_err(failed));
    if let Err(abort) = &result
        && let Err(worse) = Transactions::rollback_transaction(connection)
    {
        // SQLite rolls back the whole transaction after some errors, for example if the disk is full.
        log::error!("cannot roll back to a savepoint after an error ({abort}): {worse}");
        let _ = Transactions::rollback_transaction(connection);
    }
    result
}

pub fn begin(connection: &mut AnyConnection, sql: &str) -> Result<(), StoreError> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => {
            AnsiTransactionManager::begin_transaction_sql(connection, sql)?;
        }
        AnyConnection::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, sql)?,
    }
    Ok(())
}

/// `requests`: how many the transaction serves.
pub fn commit(connection: &mut AnyConnection, requests: usize) -> Result<(), StoreError> {
    if fail_points::loses_commit(requests) {
        return Ok(());
    }
    Ok(Transactions::commit_transaction(connection)?)
}

/// Whether there is a transaction that can be committed, outside of any savepoint.
pub fn is_open(connection: &mut AnyConnection) -> bool {
    let status = Transactions::transaction_manager_status_mut(connection);
    matches!(status.transaction_depth(), Ok(Some(depth)) if depth.get() == 1)
}

impl Abort {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Failed { is_conflict, .. } => *is_conflict,
            Self::Store(error) => is_conflict(error),
        }
    }
}

/// Whether a deadlock (40P01) or a serialization failure (40001) caused the error. Diesel has no code for a deadlock, so the
/// message must be in English (`lc_messages`).
pub fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(DieselError::DatabaseError(kind, info)) = error.downcast_ref() {
            return matches!(kind, DatabaseErrorKind::SerializationFailure)
                || info.message() == "deadlock detected";
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diesel::result::{DatabaseErrorKind, Error as DieselError};
    use tempfile::TempDir;

    use crate::store::job::repeatable;
    use crate::store::transaction::{ATTEMPTS, is_conflict, transaction};
    use crate::store::{DatabaseUrl, StoreError};

    fn failure(kind: DatabaseErrorKind, message: &str) -> StoreError {
        DieselError::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    /// How often the work runs, and whether it succeeds, if it fails this often.
    fn attempts(failures: usize, error: fn() -> StoreError) -> (usize, bool) {
        let folder = TempDir::new().unwrap();
        let url: DatabaseUrl = format!("sqlite://{}/test.db", folder.path().display()).parse().unwrap();
        let mut connection = url.connect().unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        let (mut attempt, result) = repeatable(move |_| {
            if counter.fetch_add(1, Ordering::Relaxed) < failures { Err(error()) } else { Ok(()) }
        });
        let ended = transaction(&mut connection, url.begin(), &mut attempt);
        assert_eq!(ended.is_ok(), result.take().is_ok());
        (runs.load(Ordering::Relaxed), ended.is_ok())
    }

    #[test]
    fn a_transaction_that_lost_a_conflict_is_run_again_a_few_times() {
        let serialization = || failure(DatabaseErrorKind::SerializationFailure, "could not serialize access");
        let deadlock = || failure(DatabaseErrorKind::Unknown, "deadlock detected");
        for conflict in [serialization, deadlock] {
            assert_eq!(attempts(ATTEMPTS - 1, conflict), (ATTEMPTS, true));
            assert_eq!(attempts(ATTEMPTS, conflict), (ATTEMPTS, false));
        }
        let other = || failure(DatabaseErrorKind::Unknown, "canceling statement due to lock timeout");
        assert_eq!(attempts(1, other), (1, false));
        assert_eq!(attempts(1, || StoreError::Timeout), (1, false));
    }

    #[test]
    fn a_conflict_is_found_in_the_errors_of_the_domain() {
        #[derive(Debug, thiserror::Error)]
        enum UseCase {
            #[error("another rule")]
            Rejected,
            #[error(transparent)]
            Store(#[from] StoreError),
        }
        let conflict = failure(DatabaseErrorKind::SerializationFailure, "");
        assert!(is_conflict(&UseCase::from(conflict)));
        assert!(!is_conflict(&UseCase::Rejected));
    }
}
