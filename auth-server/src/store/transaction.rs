use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;

use crate::fail_points;
use crate::store::{AnyConnection, StoreError};

type Transactions = <AnyConnection as diesel::Connection>::TransactionManager;

/// Runs `work` in a transaction: committed if it returns `Ok`, otherwise rolled back.
pub fn transaction<T, E: From<StoreError>>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    let failed = |error: DieselError| E::from(StoreError::from(error));
    begin(connection).map_err(failed)?;
    match work(connection) {
        Ok(value) if fail_points::is_set("response-without-commit") => Ok(value),
        Ok(value) => Transactions::commit_transaction(connection).map(|()| value).map_err(failed),
        Err(error) => {
            // A connection that cannot roll back is broken, and the pool discards it.
            if let Err(worse) = Transactions::rollback_transaction(connection) {
                log::error!("cannot roll back: {worse}");
            }
            Err(error)
        }
    }
}

/// SQLite takes its write lock immediately. A transaction that first reads and then writes would fail under load with
/// "database is locked", without waiting.
fn begin(connection: &mut AnyConnection) -> Result<(), DieselError> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => AnsiTransactionManager::begin_transaction(connection),
        AnyConnection::Sqlite(connection) => {
            AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
        }
    }
}
