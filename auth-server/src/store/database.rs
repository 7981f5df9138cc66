use std::error::Error;
use std::time::{Duration, Instant};

use diesel::r2d2::Pool;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::model::{Session, User};
use crate::store::connection::check;
use crate::store::database_metrics::{DatabaseMetrics, OVERDUE};
use crate::store::job::{Job, Kind, once, repeatable};
#[cfg(feature = "postgres")]
use crate::store::rotations::{self, Rotations};
use crate::store::sessions::RotateParams;
use crate::store::submission::{CONNECTION_TIMEOUT, Submission};
use crate::store::transaction::Attempt;
use crate::store::writer::Writer;
use crate::store::{AnyConnection, DatabaseUrl, StoreError, migrations};

/// How long work waits for its turn. It is not started after that, so nothing was written.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits in total. The timeouts of statements and locks are shorter, so this one matters only while
/// the database or the network hangs.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(12);
/// The default of `DATABASE_POOL_SIZE`.
pub const POOL_SIZE: u32 = 10;

/// The connection pool, and the bridge from async code to blocking statements.
#[derive(Clone)]
pub struct Database {
    url: DatabaseUrl,
    pool: Pool<DatabaseUrl>,
    /// SQLite only.
    writer: Option<Writer>,
    /// PostgreSQL only.
    #[cfg(feature = "postgres")]
    rotations: Option<Rotations>,
    queue_timeout: Duration,
    metrics: DatabaseMetrics,
}

/// Numbers of connections, over all pools.
#[derive(Default)]
pub struct Connections {
    pub max: usize,
    pub open: usize,
    pub idle: usize,
}

impl Database {
    /// Connects for a command that runs beside servers. Changes nothing. Blocks.
    ///
    /// # Errors
    /// One line: the database does not exist, or has the schema of another version.
    pub fn open_existing(url: &DatabaseUrl) -> Result<Self, String> {
        existing(url, migrations::check)?;
        // A command runs one statement after the other, on one connection.
        Ok(Self::with_pool(url, POOL_SIZE, 0))
    }

    /// Connects, and applies pending migrations. Opens up to `pool_size` connections. Blocks.
    ///
    /// # Errors
    /// One line: the database is unreachable, read-only, or newer than this program.
    pub fn open(url: &DatabaseUrl, pool_size: u32) -> Result<Self, String> {
        Self::migrate(url)?;
        Ok(Self::with_pool(url, pool_size, 1))
    }

    /// Applies pending migrations and returns their versions. Blocks.
    ///
    /// # Errors
    /// See [`Database::open`].
    pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, String> {
        url.create_missing_file().map_err(|error| format!("cannot open {url}: {error}"))?;
        let mut first = first_connection(url, true)?;
        migrations::run(&mut first).map_err(|error| format!("cannot migrate {url}: {}", one_line(&error)))
    }

    /// `spare`: how many idle connections the pool opens ahead, on a thread of its own. A command has none.
    fn with_pool(url: &DatabaseUrl, size: u32, spare: u32) -> Self {
        let writer = matches!(url, DatabaseUrl::Sqlite(_)).then(|| Writer::start(url, pool(url, 1, 0)));
        #[cfg(feature = "postgres")]
        let rotations = (matches!(url, DatabaseUrl::Postgres(_)) && spare > 0)
            .then(|| Rotations::start(url, pool(url, rotations::THREADS, rotations::THREADS - 1)));
        Self {
            #[cfg(feature = "postgres")]
            rotations,
            url: url.clone(),
            pool: pool(url, size, spare.min(size - 1)),
            writer,
            queue_timeout: QUEUE_TIMEOUT,
            metrics: DatabaseMetrics::default(),
        }
    }

    pub fn connections(&self) -> Connections {
        let pools = std::iter::once(&self.pool).chain(self.writer.as_ref().map(Writer::connection));
        #[cfg(feature = "postgres")]
        let pools = pools.chain(self.rotations.as_ref().map(Rotations::connections));
        pools.fold(Connections::default(), |sum, pool| {
            let state = pool.state();
            Connections {
                max: sum.max + pool.max_size() as usize,
                open: sum.open + state.connections as usize,
                idle: sum.idle + state.idle_connections as usize,
            }
        })
    }

    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Runs statements that only read and need no common snapshot.
    ///
    /// # Errors
    /// What `work` returns, or a [`StoreError`] if there was no connection or no result in time.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<StoreError> + Send + 'static,
    {
        let (attempt, result) = once(work);
        self.end_of(Kind::Read, attempt).await?;
        result.take()
    }

    /// Runs `work` in one transaction: committed if it returns `Ok`, otherwise rolled back. After a conflict with another
    /// transaction, a clone of `work` runs again.
    ///
    /// # Errors
    /// What `work` returns, or a [`StoreError`], for example if the commit failed.
    pub async fn transaction<T, E>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<StoreError> + Send + 'static,
    {
        let (attempt, result) = repeatable(work);
        self.end_of(Kind::Transaction, attempt).await?;
        result.take()
    }

    /// Rotates a session of an enabled user, if the token is current and no other transaction holds the row. On PostgreSQL this
    /// takes one statement, which rotations of other sessions share. Otherwise, and always on SQLite, nothing is written and the
    /// result is `None`: the caller must use a transaction. The same applies while the connections of the batches are lost:
    /// after an outage, each pool reconnects at its own time.
    ///
    /// # Errors
    /// The database did not respond, or not in time. The rotation may have been committed.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, clippy::unused_async, reason = "SQLite has no such statement")
    )]
    pub async fn rotate(&self, params: &RotateParams) -> Result<Option<(Session, User)>, StoreError> {
        #[cfg(feature = "postgres")]
        if let Some(rotations) = self.rotations.as_ref().filter(|rotations| rotations.is_connected()) {
            return self.receive(rotations.submit(params.clone(), self.submission())).await;
        }
        Ok(None)
    }

    fn submission(&self) -> Submission {
        Submission::now(self.queue_timeout, &self.metrics)
    }

    /// Makes the attempt on another thread, and waits for its end.
    async fn end_of(&self, kind: Kind, attempt: Attempt) -> Result<(), StoreError> {
        let (job, end) = Job::new(attempt, self.submission());
        match &self.writer {
            Some(writer) if kind == Kind::Transaction => writer.submit(job),
            _ => {
                let (url, pool) = (self.url.clone(), self.pool.clone());
                drop(spawn_blocking(move || job.run(kind, &url, &pool)));
            }
        }
        self.receive(end).await
    }

    async fn receive<T>(&self, end: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        let Ok(result) = timeout(TOTAL_TIMEOUT, end).await else {
            self.metrics.count_failure(OVERDUE);
            return Err(StoreError::Timeout);
        };
        result.unwrap_or(Err(StoreError::Cancelled))
    }
}

fn pool(url: &DatabaseUrl, max: u32, spare: u32) -> Pool<DatabaseUrl> {
    let started = Instant::now();
    let pool = Pool::builder().max_size(max).min_idle(Some(spare)).connection_timeout(CONNECTION_TIMEOUT);
    let pool = pool.build_unchecked(url.clone());
    // An empty pool counts as an outage, and on a busy machine the first connection takes longer than OUTAGE_TIMEOUT. If none
    // can be opened, later requests report that.
    drop(pool.get_timeout(CONNECTION_TIMEOUT));
    // Wait for the spare connections too: a process that exits while libpq connects on another thread may crash.
    while pool.state().connections <= spare && started.elapsed() < CONNECTION_TIMEOUT {
        std::thread::sleep(Duration::from_millis(1));
    }
    pool
}

/// The first connection shows whether the database can be used at all.
fn first_connection(url: &DatabaseUrl, is_for_server: bool) -> Result<AnyConnection, String> {
    let mut first = url.connect().map_err(|error| format!("cannot open {url}: {}", one_line(&error)))?;
    check(&mut first, is_for_server).map_err(|wrong| format!("cannot use {url}: {}", one_line(&wrong)))?;
    Ok(first)
}

/// A connection to a database that passes a check of its schema. Changes nothing.
///
/// # Errors
/// One line: the database does not exist, or has the schema of another version.
pub fn existing(
    url: &DatabaseUrl,
    check: fn(&mut AnyConnection) -> Result<(), migrations::Failure>,
) -> Result<AnyConnection, String> {
    if !url.exists() {
        return Err(format!(
            "{url} does not exist: set DATABASE_URL to the database of the servers, or run `auth-server migrate`"
        ));
    }
    let mut first = first_connection(url, false)?;
    check(&mut first).map_err(|error| format!("cannot use {url}: {}", one_line(&error)))?;
    Ok(first)
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Barrier};
    use std::time::Duration;

    use server_kit::request_id::{self, RequestId};
    use tempfile::TempDir;

    use crate::store::database::{AnyConnection, Database, DatabaseUrl, POOL_SIZE, StoreError};

    fn url() -> (DatabaseUrl, TempDir) {
        let folder = TempDir::new().unwrap();
        (format!("sqlite://{}/latchkey.db", folder.path().display()).parse().unwrap(), folder)
    }

    #[test]
    fn there_is_a_connection_from_the_start() {
        let (url, _folder) = url();
        for database in [Database::open(&url, POOL_SIZE).unwrap(), Database::open_existing(&url).unwrap()] {
            assert!(database.pool.state().connections >= 1);
            assert_eq!(database.writer.unwrap().connection().state().connections, 1);
        }
    }

    #[tokio::test]
    async fn a_server_has_a_spare_connection_and_a_command_has_none() {
        let (url, _folder) = url();
        let server = Database::open(&url, POOL_SIZE).unwrap();
        let command = Database::open_existing(&url).unwrap();
        // Both have one in use, the command for as long as the server takes to open a spare one.
        let wait = move |_: &mut AnyConnection| {
            let _used = server.pool.get().unwrap();
            while server.pool.state().connections < 2 {
                std::thread::yield_now();
            }
            Ok::<_, StoreError>(())
        };
        command.run(wait).await.unwrap();
        assert_eq!(command.pool.state().connections, 1);
    }

    #[tokio::test]
    async fn work_that_waited_too_long_in_the_write_queue_does_not_start() {
        let (url, _folder) = url();
        let database = Database { queue_timeout: Duration::ZERO, ..Database::open(&url, POOL_SIZE).unwrap() };
        let work = |_: &mut AnyConnection| -> Result<(), StoreError> { unreachable!("it is too late") };
        assert!(matches!(database.transaction(work).await, Err(StoreError::Timeout)));
    }

    #[tokio::test]
    async fn work_of_a_dropped_request_does_not_start() {
        let (url, _folder) = url();
        let database = Database::open(&url, POOL_SIZE).unwrap();
        let resume = Arc::new(Barrier::new(2));
        let paused = Arc::clone(&resume);
        let first = database.transaction(move |_| Ok::<_, StoreError>(paused.wait().is_leader()));
        let has_started = Arc::new(AtomicBool::new(false));
        let starting = Arc::clone(&has_started);
        let dropped = database.transaction(move |_| {
            starting.store(true, Ordering::Relaxed);
            Ok::<_, StoreError>(())
        });
        let last = database.transaction(|_| Ok::<_, StoreError>(()));
        futures_util::pin_mut!(first, last);
        assert!(futures_util::poll!(&mut first).is_pending());
        {
            futures_util::pin_mut!(dropped);
            assert!(futures_util::poll!(&mut dropped).is_pending());
        }
        assert!(futures_util::poll!(&mut last).is_pending());
        resume.wait();
        first.await.unwrap();
        last.await.unwrap();
        assert!(!has_started.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn the_request_id_is_known_on_the_other_thread_too() {
        let (url, _folder) = url();
        let database = Database::open(&url, POOL_SIZE).unwrap();
        let seen = || database.run(|_| Ok::<_, StoreError>(request_id::current()));
        let id = RequestId::random();
        assert_eq!(request_id::handling(id.clone(), seen()).await.unwrap(), Some(id));
        assert_eq!(seen().await.unwrap(), None);
    }
}
