use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
#[cfg(feature = "postgres")]
use diesel::{Connection as _, connection::SimpleConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::AnyConnection;

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

/// Brings the tables up to date. Several servers may start at once: one does it, the others wait and find it done.
pub(super) fn run(connection: &mut AnyConnection) -> Result<(), Failure> {
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

/// Looks whether the tables are those of this version, and changes nothing.
pub(super) fn check(connection: &mut AnyConnection) -> Result<(), Failure> {
    let is_behind = match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => is_behind(connection, POSTGRES)?,
        AnyConnection::Sqlite(connection) => is_behind(connection, SQLITE)?,
    };
    if is_behind {
        return Err(
            "it is older than this program: start a server of this version first, which migrates it".into()
        );
    }
    Ok(())
}

fn is_behind<C, B>(connection: &mut C, embedded: EmbeddedMigrations) -> Result<bool, Failure>
where
    B: diesel::backend::Backend,
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    refuse_newer(connection, &embedded)?;
    connection.has_pending_migration(embedded)
}

fn refuse_newer<C, B>(connection: &mut C, embedded: &EmbeddedMigrations) -> Result<(), Failure>
where
    B: diesel::backend::Backend,
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    let known: Vec<Box<dyn Migration<B>>> = embedded.migrations()?;
    let known: BTreeSet<MigrationVersion<'_>> =
        known.iter().map(|migration| migration.name().version()).collect();
    let applied = connection.applied_migrations()?;
    match applied.iter().find(|version| !known.contains(version)) {
        Some(newer) => Err(format!(
            "it is newer than this server (migration {newer} is unknown here): start a newer auth-server"
        )
        .into()),
        None => Ok(()),
    }
}

fn migrate<C, B>(connection: &mut C, embedded: EmbeddedMigrations) -> Result<(), Failure>
where
    B: diesel::backend::Backend,
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    refuse_newer(connection, &embedded)?;
    connection.run_pending_migrations(embedded).map(drop)
}
