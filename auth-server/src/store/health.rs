use chrono::{DateTime, Utc};

use crate::store::{AnyConnection, Database, StoreError, advisory_locks, users};

impl Database {
    /// Checks that the tables can be read, and that PostgreSQL is not read-only. Returns the time by the database's
    /// clock; `None` for SQLite, which has none of its own.
    ///
    /// # Errors
    /// The database does not respond, is a standby, or starts read-only transactions.
    pub async fn check(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.run(|connection| {
            users::any(connection)?;
            match connection {
                #[cfg(feature = "postgres")]
                AnyConnection::Postgres(connection) => Ok(Some(postgres_time(connection)?)),
                AnyConnection::Sqlite(_) => Ok(None),
            }
        })
        .await
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

#[cfg(feature = "postgres")]
fn postgres_time(connection: &mut diesel::PgConnection) -> Result<DateTime<Utc>, StoreError> {
    use diesel::dsl::sql;
    use diesel::sql_types::{Bool, Timestamp};
    use diesel::{RunQueryDsl, select};

    if select(sql::<Bool>("pg_is_in_recovery()")).get_result(connection)? {
        return Err(StoreError::Standby);
    }
    if select(sql::<Bool>("current_setting('transaction_read_only')::bool")).get_result(connection)? {
        return Err(StoreError::ReadOnly);
    }
    let time = select(sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'"));
    Ok(time.get_result::<chrono::NaiveDateTime>(connection)?.and_utc())
}
