use std::sync::{Arc, mpsc};
use std::thread;

use diesel::r2d2::{Pool, PooledConnection};

use crate::store::job::Job;
use crate::store::submission::connection;
use crate::store::transaction::{begin, commit, is_open};
use crate::store::{DatabaseUrl, StoreError};

/// Jobs in one transaction. A commit waits for the disk, and all of them share it.
const GROUP: usize = 64;

/// The only thread of this process that writes to SQLite, which allows one writer at a time. Without this queue, writers
/// would poll the lock at growing intervals, be overtaken by new ones, and fail in the end.
///
/// Work that has gathered in the queue is committed together, each part in a savepoint of its own.
///
/// The queue holds work and not requests: a request whose client stopped reading is not polled, and would block the rest.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Job>,
    connection: Pool<DatabaseUrl>,
}

impl Writer {
    /// Starts the thread, which ends when the last clone is dropped. The pool is for this thread only: otherwise the
    /// whole queue would wait while readers use all connections.
    pub fn start(url: &DatabaseUrl, connection: Pool<DatabaseUrl>) -> Self {
        let (queue, receiver) = mpsc::channel();
        let (url, pool) = (url.clone(), connection.clone());
        let work = move || {
            while let Ok(first) = receiver.recv() {
                commit_group(first, || receiver.try_recv().ok(), &url, &pool);
            }
        };
        thread::Builder::new().name("writer".to_owned()).spawn(work).expect("the system can start a thread");
        Self { queue, connection }
    }

    pub fn connection(&self) -> &Pool<DatabaseUrl> {
        &self.connection
    }

    /// Appends a job to the queue. It ends after the commit.
    pub fn submit(&self, job: Job) {
        // Cannot fail: the thread runs as long as `self` exists.
        let _ = self.queue.send(job);
    }
}

/// Runs a job, and the jobs behind it, in one transaction.
fn commit_group(first: Job, next: impl Fn() -> Option<Job>, url: &DatabaseUrl, pool: &Pool<DatabaseUrl>) {
    let mut connection = match begun(url, pool) {
        Ok(connection) => connection,
        Err(error) => {
            if let Some((waiting, result)) = first.run_in(Err(Arc::new(error))) {
                let _ = waiting.send(result);
            }
            return;
        }
    };
    let mut ended = Vec::from_iter(first.run_in(Ok(&mut connection)));
    while ended.len() < GROUP
        && is_open(&mut connection)
        && let Some(job) = next()
    {
        ended.extend(job.run_in(Ok(&mut connection)));
    }
    let committed = commit(&mut connection, ended.len()).map_err(Arc::new);
    for (waiting, result) in ended {
        let _ = waiting.send(committed.clone().map_err(StoreError::Shared).and(result));
    }
}

fn begun(url: &DatabaseUrl, pool: &Pool<DatabaseUrl>) -> Result<PooledConnection<DatabaseUrl>, StoreError> {
    let mut connection = connection(pool)?;
    begin(&mut connection, url.begin())?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use diesel::connection::SimpleConnection as _;
    use diesel::prelude::*;
    use futures_util::future::join_all;
    use futures_util::{FutureExt as _, pin_mut};
    use tempfile::TempDir;

    use crate::store::schema::guards;
    use crate::store::{AnyConnection, Database, StoreError};

    fn database() -> (Database, TempDir) {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display()).parse().unwrap();
        (Database::open(&url, 2).unwrap(), folder)
    }

    type Work = fn(&mut AnyConnection) -> Result<(), StoreError>;

    /// Runs the work together, after other work that holds the writer until all of it is in the queue.
    async fn write_group<const COUNT: usize>(
        database: &Database,
        work: [Work; COUNT],
    ) -> Vec<Result<(), StoreError>> {
        let resume = Arc::new(Barrier::new(2));
        let paused = Arc::clone(&resume);
        let first = write(database, move || {
            paused.wait();
        });
        let group = join_all(work.into_iter().map(|work| database.transaction(work)));
        pin_mut!(first, group);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(group.as_mut().now_or_never().is_none());
        resume.wait();
        let _ = first.await;
        group.await
    }

    fn insert(connection: &mut AnyConnection, name: &str) -> Result<(), StoreError> {
        let row = format!("INSERT INTO guards (name) VALUES ('{name}')");
        Ok(connection.batch_execute(&row)?)
    }

    async fn inserted(database: &Database) -> Vec<String> {
        let names = guards::table.select(guards::name).order(guards::name);
        database.run(move |connection| Ok::<_, StoreError>(names.load(connection)?)).await.unwrap()
    }

    #[actix_web::test]
    async fn work_that_fails_or_panics_is_rolled_back_alone() {
        let (database, _folder) = database();
        let results = write_group(
            &database,
            [
                |connection| insert(connection, "first"),
                |connection| insert(connection, "failed").and(Err(StoreError::Standby)),
                |connection| insert(connection, "panicked").map(|()| panic!("as it should")),
                |connection| insert(connection, "last"),
            ],
        )
        .await;
        assert!(matches!(
            results[..],
            [Ok(()), Err(StoreError::Standby), Err(StoreError::Cancelled), Ok(())]
        ));
        assert_eq!(inserted(&database).await, ["first", "last", "last_administrator"]);
    }

    #[actix_web::test]
    async fn after_a_failed_commit_every_result_is_an_error() {
        let (database, _folder) = database();
        let results = write_group(
            &database,
            [
                |connection| insert(connection, "first"),
                // A violation that SQLite reports at the commit.
                |connection| {
                    Ok(connection.batch_execute(
                        "PRAGMA defer_foreign_keys = ON; INSERT INTO familiar_places (user_id, place, last_login_at) VALUES ('unknown', '', 0)",
                    )?)
                },
                |connection| insert(connection, "failed").and(Err(StoreError::Standby)),
                |connection| insert(connection, "last"),
            ],
        )
        .await;
        assert!(results.iter().all(|result| matches!(result, Err(StoreError::Shared(_)))), "{results:?}");
        assert_eq!(inserted(&database).await, ["last_administrator"]);
    }

    /// SQLite does that after some errors, for example if the disk is full.
    #[actix_web::test]
    async fn after_a_rollback_of_the_whole_transaction_the_writer_continues_in_another_one() {
        let (database, _folder) = database();
        let results = write_group(
            &database,
            [
                |connection| insert(connection, "first"),
                |connection| Ok(connection.batch_execute("ROLLBACK")?),
                |connection| insert(connection, "last"),
            ],
        )
        .await;
        assert!(matches!(results[..], [Err(StoreError::Shared(_)), Err(StoreError::Shared(_)), Ok(())]));
        assert_eq!(inserted(&database).await, ["last", "last_administrator"]);
    }

    async fn write(
        database: &Database,
        work: impl FnOnce() + Clone + Send + 'static,
    ) -> Result<(), StoreError> {
        let work = |_: &mut _| {
            work();
            Ok(())
        };
        database.transaction(work).await
    }

    #[actix_web::test]
    async fn a_writer_that_is_no_longer_polled_does_not_block_the_others() {
        let (database, _folder) = database();
        let resume = Arc::new(Barrier::new(2));
        let paused = Arc::clone(&resume);
        let first = write(&database, move || {
            paused.wait();
        });
        let (forgotten, last) = (write(&database, || ()), write(&database, || ()));
        pin_mut!(first, forgotten, last);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(forgotten.as_mut().now_or_never().is_none());
        assert!(last.as_mut().now_or_never().is_none());
        resume.wait();
        first.await.unwrap();
        last.await.unwrap();
    }

    #[actix_web::test]
    async fn a_panic_does_not_affect_other_writers() {
        let (database, _folder) = database();
        let panicked = write(&database, || panic!("as it should")).await;
        assert!(matches!(panicked, Err(StoreError::Cancelled)));
        write(&database, || ()).await.unwrap();
    }
}
