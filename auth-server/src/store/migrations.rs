use std::collections::BTreeSet;

use diesel::backend::Backend;
#[cfg(feature = "postgres")]
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::AnyConnection;

#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

/// An arbitrary number, the same on all servers.
#[cfg(feature = "postgres")]
const LOCK: &str = "SELECT pg_advisory_xact_lock(5283117)";

/// Migrations, and waiting for those of another server, may take longer than requests.
#[cfg(feature = "postgres")]
const NO_TIMEOUTS: &str = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";

type Failure = Box<dyn std::error::Error + Send + Sync>;

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

/// Checks that the schema has this program's version. Unlike Diesel's own check, it does not create the table of applied
/// migrations.
pub(super) fn check(connection: &mut AnyConnection) -> Result<(), Failure> {
    let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations")
        .load(connection)
        .map_err(|error| format!("its tables are missing ({error}): run `auth-server migrate`"))?;
    let applied: BTreeSet<String> = applied.into_iter().map(|step| step.version).collect();
    let known = match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => versions::<diesel::pg::Pg>(&POSTGRES)?,
        AnyConnection::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(&SQLITE)?,
    };
    if let Some(newer) = applied.difference(&known).next() {
        return Err(is_newer(newer));
    }
    if known != applied {
        return Err(
            "its schema is older than this program: run `auth-server migrate` or start a server".into()
        );
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

fn versions<B: Backend>(embedded: &EmbeddedMigrations) -> Result<BTreeSet<String>, Failure>
where
    EmbeddedMigrations: MigrationSource<B>,
{
    let known: Vec<Box<dyn Migration<B>>> = embedded.migrations()?;
    Ok(known.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn is_newer(version: &str) -> Failure {
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
