use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::r2d2::{Pool, PooledConnection};
use diesel::result::Error as DieselError;
use prometheus_client::registry::Registry;
use server_kit::request_id;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::fail_points;
use crate::store::database_metrics::{DatabaseMetrics, NO_CONNECTION, OVERDUE};
use crate::store::writer::Writer;
use crate::store::{AnyConnection, DatabaseUrl, StoreError, advisory_locks, migrations, users};

/// How long a request waits for a free connection before it is told to come back.
const CONNECTION_WAIT: Duration = Duration::from_secs(3);
/// The same while there is not a single connection: then the database is away, and each of the many who ask holds a
/// thread until it is told so.
const OUTAGE_WAIT: Duration = Duration::from_millis(500);
/// How long a writer to SQLite stands in line. Then nothing was done, and there is time left for what has begun.
const WRITE_QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long anybody waits for the database in all. Longer than its own limits to statements and locks, so that it matters
/// only where the database, or the network to it, stands still.
const ANSWER_WAIT: Duration = Duration::from_secs(12);
const POOL_SIZE: u32 = 10;

/// The pool of connections, and the way from async code into blocking statements.
#[derive(Clone)]
pub struct Database {
    pool: Pool<DatabaseUrl>,
    /// For SQLite.
    writer: Option<Writer>,
    line_wait: Duration,
    metrics: DatabaseMetrics,
}

/// How many connections there are.
#[derive(Default)]
pub struct Connections {
    /// As many as there may be.
    pub most: usize,
    /// Open ones.
    pub open: usize,
    /// Open ones that nobody uses.
    pub idle: usize,
}

impl Database {
    /// Connects for a command beside servers that run: makes and changes nothing. Blocks.
    ///
    /// # Errors
    /// One line that says what is wrong: not there, or not of this version.
    pub fn open_existing(url: &DatabaseUrl) -> Result<Self, String> {
        if !url.is_there() {
            return Err(format!(
                "there is no {url}: give DATABASE_URL as the servers have it, or make it by `auth-server migrate`"
            ));
        }
        let mut first = url.connect().map_err(|error| format!("cannot open {url}: {}", one_line(&error)))?;
        migrations::check(&mut first).map_err(|error| format!("cannot use {url}: {}", one_line(&error)))?;
        // Who does one thing after the other needs one connection.
        Ok(Self::pooled(url, 0))
    }

    /// Connects, and brings the tables up to date. Blocks; meant for the start.
    ///
    /// # Errors
    /// One line that says what is wrong: unreachable, not writable, or newer than this server.
    pub fn open(url: &DatabaseUrl) -> Result<Self, String> {
        Self::migrate(url)?;
        Ok(Self::pooled(url, 1))
    }

    /// Brings the tables up to date, and tells which steps that took. Blocks.
    ///
    /// # Errors
    /// One line, as [`Database::open`] has it.
    pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, String> {
        url.make_missing_file().map_err(|error| format!("cannot open {url}: {error}"))?;
        let mut first = url.connect().map_err(|error| format!("cannot open {url}: {}", one_line(&error)))?;
        migrations::run(&mut first).map_err(|error| format!("cannot migrate {url}: {}", one_line(&error)))
    }

    /// `spare`: how many connections nobody uses yet, made ahead on a thread of the pool's own.
    fn pooled(url: &DatabaseUrl, spare: u32) -> Self {
        let started = Instant::now();
        let of_size = |most, spare| {
            let pool =
                Pool::builder().max_size(most).min_idle(Some(spare)).connection_timeout(CONNECTION_WAIT);
            let pool = pool.build_unchecked(url.clone());
            // A pool without a connection counts as an outage, and on a busy machine the first takes longer than anybody
            // waits then. Should it not come at all, whoever asks is told.
            drop(pool.get_timeout(CONNECTION_WAIT));
            pool
        };
        let pool = of_size(POOL_SIZE, spare);
        // Nor is one to be in the making while the program ends, which it may do at once: libpq is taken down then, whoever
        // uses it, and the program with it.
        while pool.state().connections <= spare && started.elapsed() < CONNECTION_WAIT {
            std::thread::sleep(Duration::from_millis(1));
        }
        let writer = matches!(url, DatabaseUrl::Sqlite(_)).then(|| Writer::start(of_size(1, spare)));
        Self { pool, writer, line_wait: WRITE_QUEUE_TIMEOUT, metrics: DatabaseMetrics::default() }
    }

    /// How many connections there are at this moment.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let pools = std::iter::once(&self.pool).chain(self.writer.as_ref().map(Writer::connection));
        pools.fold(Connections::default(), |sum, pool| {
            let state = pool.state();
            Connections {
                most: sum.most + pool.max_size() as usize,
                open: sum.open + state.connections as usize,
                idle: sum.idle + state.idle_connections as usize,
            }
        })
    }

    /// Has the registry show what is counted here.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Runs statements that only read, and need not see the same moment.
    ///
    /// # Errors
    /// What `work` returns, or that there was no connection.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.answer(&self.pool, work, |job| drop(spawn_blocking(job))).await
    }

    /// Runs `work` in one transaction: committed if it returns `Ok`, otherwise rolled back.
    ///
    /// # Errors
    /// What `work` returns, or that the database failed, at the commit for example.
    pub async fn transaction<T, E>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let work = move |connection: &mut AnyConnection| transaction(connection, work);
        match &self.writer {
            Some(writer) => self.answer(writer.connection(), work, |job| writer.write(job)).await,
            None => self.run(work).await,
        }
    }

    /// Has a thread do the work, and waits for what it returns; not for ever.
    async fn answer<T, E>(
        &self,
        pool: &Pool<DatabaseUrl>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
        thread: impl FnOnce(Box<dyn FnOnce() + Send>),
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (pool, metrics, request) = (pool.clone(), self.metrics.clone(), request_id::current());
        let (answer, answered) = oneshot::channel();
        let (asked, line_wait) = (Instant::now(), self.line_wait);
        let work = move || {
            if asked.elapsed() > line_wait {
                metrics.waited(asked.elapsed());
                metrics.gave_up(OVERDUE);
                return Err(StoreError::Overdue.into());
            }
            // Waiting for a connection blocks too, so it happens on the same thread as the statements.
            work(&mut *connection(&pool, &metrics, asked)?)
        };
        let work = move || {
            catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                log::error!("work on the database panicked");
                Err(StoreError::Cancelled.into())
            })
        };
        // Whoever hangs up in the line has asked for it all the same: for a logout, for example.
        thread(Box::new(move || drop(answer.send(request_id::on_behalf_of(request, work)))));
        let Ok(answer) = timeout(ANSWER_WAIT, answered).await else {
            self.metrics.gave_up(OVERDUE);
            return Err(StoreError::Overdue.into());
        };
        answer.unwrap_or_else(|_| Err(StoreError::Cancelled.into()))
    }

    /// Writes something, and takes it back.
    ///
    /// # Errors
    /// It does not answer, or takes no writes.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        /// Rolls back.
        struct TakenBack(Option<StoreError>);
        impl From<StoreError> for TakenBack {
            fn from(error: StoreError) -> Self {
                Self(Some(error))
            }
        }
        self.check().await?;
        let write = |connection: &mut AnyConnection| {
            advisory_locks::acquire(connection, advisory_locks::LAST_ADMINISTRATOR)?;
            Err(TakenBack(None))
        };
        match self.transaction::<(), _>(write).await {
            Ok(()) | Err(TakenBack(None)) => Ok(()),
            Err(TakenBack(Some(error))) => Err(error),
        }
    }

    /// Looks whether the database and its tables are there, and whether it takes writes. Returns the time by the
    /// database's own clock; none for SQLite, whose clock is ours.
    ///
    /// # Errors
    /// It does not answer, or not as it should.
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
}

#[cfg(feature = "postgres")]
fn postgres_time(connection: &mut diesel::PgConnection) -> Result<DateTime<Utc>, StoreError> {
    use diesel::dsl::sql;
    use diesel::sql_types::{Bool, Timestamp};
    use diesel::{RunQueryDsl, select};

    if select(sql::<Bool>("pg_is_in_recovery()")).get_result(connection)? {
        return Err(StoreError::Standby);
    }
    let time = select(sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'"));
    Ok(time.get_result::<chrono::NaiveDateTime>(connection)?.and_utc())
}

fn connection(
    pool: &Pool<DatabaseUrl>,
    metrics: &DatabaseMetrics,
    asked: Instant,
) -> Result<PooledConnection<DatabaseUrl>, StoreError> {
    let begun = Instant::now();
    loop {
        let outcome = pool.get_timeout(OUTAGE_WAIT);
        let others_use_it = pool.state().connections > 0;
        if outcome.is_ok() || !others_use_it || begun.elapsed() >= CONNECTION_WAIT {
            metrics.waited(asked.elapsed());
            return outcome.map_err(|error| {
                metrics.gave_up(NO_CONNECTION);
                StoreError::NoConnection(error.to_string())
            });
        }
    }
}

fn transaction<T, E: From<StoreError>>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    let failed = |error: DieselError| E::from(StoreError::from(error));
    begin(connection).map_err(failed)?;
    match work(connection) {
        Ok(done) if fail_points::is_set("answer-without-commit") => Ok(done),
        Ok(done) => Transactions::commit_transaction(connection).map(|()| done).map_err(failed),
        Err(error) => {
            // A connection that cannot even roll back is broken, and the pool will see that.
            if let Err(worse) = Transactions::rollback_transaction(connection) {
                log::error!("cannot roll back: {worse}");
            }
            Err(error)
        }
    }
}

type Transactions = <AnyConnection as diesel::Connection>::TransactionManager;

/// SQLite takes its write lock at once: a transaction that reads first and wants to write later would fail with
/// "database is locked" under load, without waiting.
fn begin(connection: &mut AnyConnection) -> Result<(), DieselError> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => AnsiTransactionManager::begin_transaction(connection),
        AnyConnection::Sqlite(connection) => {
            AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
        }
    }
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use server_kit::request_id::{self, RequestId};

    use crate::store::database::{AnyConnection, Database, DatabaseUrl, StoreError};

    #[test]
    fn there_is_a_connection_from_the_start() {
        let folder = tempfile::TempDir::new().unwrap();
        let url: DatabaseUrl = format!("sqlite://{}/latchkey.db", folder.path().display()).parse().unwrap();
        for database in [Database::open(&url).unwrap(), Database::open_existing(&url).unwrap()] {
            assert!(database.pool.state().connections >= 1);
            assert_eq!(database.writer.unwrap().connection().state().connections, 1);
        }
    }

    #[tokio::test]
    async fn a_server_has_a_spare_connection_and_a_command_has_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let url: DatabaseUrl = format!("sqlite://{}/latchkey.db", folder.path().display()).parse().unwrap();
        let server = Database::open(&url).unwrap();
        let command = Database::open_existing(&url).unwrap();
        // Both have one in use, the command for as long as the server takes to make a spare one.
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
    async fn who_stands_in_line_for_too_long_is_told_so_and_nothing_is_done() {
        let folder = tempfile::TempDir::new().unwrap();
        let url: DatabaseUrl = format!("sqlite://{}/latchkey.db", folder.path().display()).parse().unwrap();
        let database = Database { line_wait: Duration::ZERO, ..Database::open(&url).unwrap() };
        let work = |_: &mut AnyConnection| -> Result<(), StoreError> { unreachable!("it is too late") };
        assert!(matches!(database.transaction(work).await, Err(StoreError::Overdue)));
    }

    #[tokio::test]
    async fn the_request_is_known_on_the_other_thread_too() {
        let folder = tempfile::TempDir::new().unwrap();
        let url: DatabaseUrl = format!("sqlite://{}/latchkey.db", folder.path().display()).parse().unwrap();
        let database = Database::open(&url).unwrap();
        let seen = || database.run(|_| Ok::<_, StoreError>(request_id::current()));
        let id = RequestId::random();
        assert_eq!(request_id::handling(id.clone(), seen()).await.unwrap(), Some(id));
        assert_eq!(seen().await.unwrap(), None);
    }
}
