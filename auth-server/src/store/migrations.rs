use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::sql_types::Text;
#[cfg(feature = "postgres")]
use diesel::{Connection as _, QueryableByName, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::AnyConnection;

#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

/// Any number will do, as long as all auth servers take the same.
#[cfg(feature = "postgres")]
const LOCK: &str = "SELECT pg_advisory_xact_lock(5283117)";

/// A migration may take long, and so may the wait for another server's.
#[cfg(feature = "postgres")]
const PATIENCE: &str = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Brings the tables up to date, and tells which steps that took. Several servers may start at once: one does it, the others
/// wait and find it done.
pub(super) fn run(connection: &mut AnyConnection) -> Result<Vec<String>, Failure> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => connection.transaction(|connection| {
            connection.batch_execute(PATIENCE)?;
            connection.batch_execute(LOCK)?;
            migrate(connection, POSTGRES)
        }),
        AnyConnection::Sqlite(connection) => {
            connection.immediate_transaction(|connection| migrate(connection, SQLITE))
        }
    }
}

/// Looks whether the tables are those of this version, and changes nothing: not even the list of steps is made, as Diesel
/// would, where there is none.
pub(super) fn check(connection: &mut AnyConnection) -> Result<(), Failure> {
    let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations")
        .load(connection)
        .map_err(|error| format!("it has no tables of ours ({error}): `auth-server migrate` makes them"))?;
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
            "it is older than this program: `auth-server migrate` brings it up to date, and so does the start of a server"
                .into(),
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
    format!("it is newer than this server (migration {version} is unknown here): start a newer auth-server")
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
