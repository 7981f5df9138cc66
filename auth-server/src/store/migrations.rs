use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::backend::Backend;
#[cfg(feature = "postgres")]
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::sql_types::{Text, Timestamp};
use diesel::{OptionalExtension as _, QueryableByName, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::{AnyConnection, StoreError};

#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

/// An arbitrary number, the same on all servers.
#[cfg(feature = "postgres")]
const LOCK: &str = "SELECT pg_advisory_xact_lock(5283117)";

/// Migrations, and waiting for those of another server, may take longer than requests.
#[cfg(feature = "postgres")]
const NO_TIMEOUTS: &str = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";

/// An import that is not complete is an applied migration with this name and the id of the export. So no server starts on the
/// database, not even one of an earlier version.
const IMPORT: &str = "import-";

pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Applies pending migrations and returns their versions. If several servers start at the same time, one applies them and
/// the others wait.
pub(super) fn run(connection: &mut AnyConnection) -> Result<Vec<String>, Failure> {
    match connection {
        #[cfg(feature = "postgres")]
        // READ COMMITTED: otherwise a server that waited for the lock would not see the migrations of the other.
        AnyConnection::Postgres(connection) => {
            connection.build_transaction().read_committed().run(|connection| {
                connection.batch_execute(NO_TIMEOUTS)?;
                connection.batch_execute(LOCK)?;
                migrate(connection, POSTGRES)
            })
        }
        AnyConnection::Sqlite(connection) => {
            connection.immediate_transaction(|connection| migrate(connection, SQLITE))
        }
    }
}

/// When the first migration was applied, to the second in SQLite.
pub fn created_at(connection: &mut AnyConnection) -> Result<NaiveDateTime, StoreError> {
    let first = sql_query("SELECT MIN(run_on) AS run_on FROM __diesel_schema_migrations");
    let FirstApplied { run_on } = first.get_result(connection)?;
    Ok(run_on)
}

/// Checks that the schema has this program's version, and that no import is incomplete. Unlike Diesel's own check, it does
/// not create the table of applied migrations.
pub(super) fn check(connection: &mut AnyConnection) -> Result<(), Failure> {
    let applied = applied(connection)?;
    check_schema(connection, &applied)
}

/// The same, where an import may be incomplete.
pub(super) fn check_for_import(connection: &mut AnyConnection) -> Result<(), Failure> {
    let mut applied = applied(connection)?;
    applied.retain(|version| !version.starts_with(IMPORT));
    check_schema(connection, &applied)
}

fn check_schema(connection: &AnyConnection, applied: &BTreeSet<String>) -> Result<(), Failure> {
    let known = known(connection)?;
    if let Some(newer) = applied.difference(&known).next() {
        return Err(is_newer(newer));
    }
    if known != *applied {
        return Err(
            "its schema is older than this program: run `auth-server migrate` or start a server".into()
        );
    }
    Ok(())
}

/// The newest migration of this program. Both databases have the same ones.
pub fn newest() -> Result<String, String> {
    let known = versions::<diesel::sqlite::Sqlite>(&SQLITE);
    known.map(|mut known| known.pop_last().unwrap_or_default()).map_err(|error| error.to_string())
}

/// The id of the export whose import has begun.
pub fn unfinished_import(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let query = format!("SELECT version FROM __diesel_schema_migrations WHERE version LIKE '{IMPORT}%'");
    let mark: Option<Applied> = sql_query(query).get_result(connection).optional()?;
    Ok(mark.map(|mark| mark.version.replacen(IMPORT, "", 1)))
}

pub fn mark_import(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    let insert = sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ($1)");
    insert.bind::<Text, _>(format!("{IMPORT}{id}")).execute(connection)?;
    Ok(())
}

pub fn unmark_import(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    let delete = sql_query("DELETE FROM __diesel_schema_migrations WHERE version = $1");
    delete.bind::<Text, _>(format!("{IMPORT}{id}")).execute(connection)?;
    Ok(())
}

#[derive(QueryableByName)]
struct FirstApplied {
    #[diesel(sql_type = Timestamp)]
    run_on: NaiveDateTime,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

fn applied(connection: &mut AnyConnection) -> Result<BTreeSet<String>, Failure> {
    let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations")
        .load(connection)
        .map_err(|error| format!("its tables are missing ({error}): run `auth-server migrate`"))?;
    Ok(applied.into_iter().map(|step| step.version).collect())
}

fn known(connection: &AnyConnection) -> Result<BTreeSet<String>, Failure> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => versions::<diesel::pg::Pg>(&POSTGRES),
        AnyConnection::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(&SQLITE),
    }
}

fn versions<B: Backend>(embedded: &EmbeddedMigrations) -> Result<BTreeSet<String>, Failure>
where
    EmbeddedMigrations: MigrationSource<B>,
{
    let known: Vec<Box<dyn Migration<B>>> = embedded.migrations()?;
    Ok(known.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn is_newer(version: &str) -> Failure {
    if version.starts_with(IMPORT) {
        return "an import into it is incomplete: run `auth-server import` again, with the same file".into();
    }
    format!("its schema is newer than this program (unknown migration {version}): use a newer auth-server")
        .into()
}

fn migrate<C, B>(connection: &mut C, embedded: EmbeddedMigrations) -> Result<Vec<String>, Failure>
where
    B: Backend,
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    let known = versions(&embedded)?;
    let applied = connection.applied_migrations()?;
    if let Some(newer) =
        applied.iter().map(MigrationVersion::to_string).find(|version| !known.contains(version))
    {
        return Err(is_newer(&newer));
    }
    let applied = connection.run_pending_migrations(embedded)?;
    Ok(applied.iter().map(MigrationVersion::to_string).collect())
}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use super::*;
    use crate::store::Database;

    fn schema(test: &TestDatabase) -> Vec<String> {
        test.db_texts(if test.is_postgres() {
            "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || \
             COALESCE(column_default, '') AS value FROM information_schema.columns WHERE table_schema = current_schema \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema \
             UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = current_schema::regnamespace ORDER BY 1"
        } else {
            "SELECT name || ' ' || sql AS value FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        })
    }

    /// Reverts the newest `count` migrations.
    fn revert(connection: &mut AnyConnection, count: usize) {
        for _ in 0..count {
            let reverted = match connection {
                #[cfg(feature = "postgres")]
                AnyConnection::Postgres(connection) => connection.revert_last_migration(POSTGRES).map(drop),
                AnyConnection::Sqlite(connection) => connection.revert_last_migration(SQLITE).map(drop),
            };
            reverted.expect("a migration that can be reverted");
        }
    }

    #[tokio::test]
    async fn every_migration_can_be_reverted_and_applied_again() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        let before = schema(&test);
        let all = test.db_texts("SELECT version AS value FROM __diesel_schema_migrations").len();
        for count in 1..=all {
            let again = move |connection: &mut AnyConnection| {
                revert(connection, count);
                run(connection).expect("migrations");
                Ok::<_, StoreError>(())
            };
            database.run(again).await.expect("a database");
            assert_eq!(schema(&test), before, "{count}");
        }
        let nothing = move |connection: &mut AnyConnection| {
            revert(connection, all);
            Ok::<_, StoreError>(())
        };
        database.run(nothing).await.expect("a database");
        assert!(
            schema(&test).iter().all(|part| part.contains("__diesel_schema_migrations")),
            "{:?}",
            schema(&test)
        );
    }
}
