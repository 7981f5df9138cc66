use chrono::{DateTime, NaiveDateTime, Utc};
#[cfg(feature = "postgres")]
use diesel::dsl::sql;
#[cfg(feature = "postgres")]
use diesel::sql_types::{Bool, Timestamp};
#[cfg(feature = "postgres")]
use diesel::{RunQueryDsl, select};

use crate::store::{AnyConnection, Database, StoreError, advisory_locks, users};

/// PostgreSQL: the time now, not that of the transaction's start.
#[cfg(feature = "postgres")]
pub(super) const CLOCK: &str = "clock_timestamp() AT TIME ZONE 'UTC'";

impl Database {
    /// Checks that the tables can be read, and that PostgreSQL is not read-only. Returns the time by the database's
    /// clock; `None` for SQLite, which has none of its own.
    ///
    /// # Errors
    /// The database does not respond, is a standby, or starts read-only transactions.
    pub async fn check(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.run(|connection| {
            users::any(connection)?;
            #[cfg(feature = "postgres")]
            if let AnyConnection::Postgres(connection) = connection {
                check_primary(connection)?;
            }
            Ok(clock(connection)?.map(|time| time.and_utc()))
        })
        .await
    }

    /// The time by the database's clock, which all servers share. SQLite has none: there it is `own_time`.
    ///
    /// # Errors
    /// The database does not respond.
    pub async fn time(&self, own_time: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        let time = self.run(clock).await?;
        Ok(time.map_or(own_time, |time| time.and_utc()))
    }

    /// Checks that the database accepts writes. The write is rolled back.
    ///
    /// # Errors
    /// The database does not respond, or is read-only.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        #[derive(Debug, thiserror::Error)]
        enum Rollback {
            #[error("the write succeeded")]
            Intended,
            #[error(transparent)]
            Failed(#[from] StoreError),
        }
        self.check().await?;
        let write = |connection: &mut AnyConnection| {
            advisory_locks::acquire(connection, advisory_locks::LAST_ADMINISTRATOR)?;
            Err(Rollback::Intended)
        };
        match self.transaction::<(), _>(write).await {
            Ok(()) | Err(Rollback::Intended) => Ok(()),
            Err(Rollback::Failed(error)) => Err(error),
        }
    }
}

/// The time by the database's clock. `None` for SQLite, which has none of its own.
#[cfg_attr(not(feature = "postgres"), expect(clippy::unnecessary_wraps, reason = "SQLite has no clock"))]
pub(super) fn clock(connection: &mut AnyConnection) -> Result<Option<NaiveDateTime>, StoreError> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => {
            Ok(Some(select(sql::<Timestamp>(CLOCK)).get_result(connection)?))
        }
        AnyConnection::Sqlite(_) => Ok(None),
    }
}

#[cfg(feature = "postgres")]
fn check_primary(connection: &mut diesel::PgConnection) -> Result<(), StoreError> {
    if select(sql::<Bool>("pg_is_in_recovery()")).get_result(connection)? {
        return Err(StoreError::Standby);
    }
    if select(sql::<Bool>("current_setting('transaction_read_only')::bool")).get_result(connection)? {
        return Err(StoreError::ReadOnly);
    }
    Ok(())
}
