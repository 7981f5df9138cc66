use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;

use diesel::r2d2::{Pool, PooledConnection};
use server_kit::request_id;
use tokio::sync::oneshot;

use crate::store::submission::{Submission, connection};
use crate::store::transaction::{begin, commit, is_open, savepoint};
use crate::store::{AnyConnection, DatabaseUrl, StoreError};

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

/// Receives the open transaction, or why there is none.
type Job = Box<dyn FnOnce(Result<&mut AnyConnection, SharedError>) -> Response + Send>;
/// Sends the result, once it is known whether the transaction was committed.
type Response = Box<dyn FnOnce(Result<(), SharedError>)>;
type SharedError = Arc<StoreError>;

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

    /// Appends work to the queue. Its result arrives after the commit.
    pub fn submit<T, E>(
        &self,
        submission: Submission,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, E>>
    where
        T: Send + 'static,
        E: Error + From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let request = request_id::current();
        let job = move |connection: Result<&mut AnyConnection, SharedError>| -> Response {
            // If the client has hung up, its request was dropped. It may have sent another one since, which this one must
            // not overtake.
            if sender.is_closed() {
                return Box::new(|_| ());
            }
            let result = request_id::on_behalf_of(request, || {
                submission.check()?;
                let connection = submission.end(connection)?;
                savepoint(connection, |connection| without_panic(|| work(connection)))
            });
            Box::new(move |committed| {
                let _ = sender.send(committed.map_err(|error| StoreError::Shared(error).into()).and(result));
            })
        };
        // Cannot fail: the thread runs as long as `self` exists.
        let _ = self.queue.send(Box::new(job));
        receiver
    }
}

/// Runs a job, and the jobs behind it, in one transaction.
fn commit_group(first: Job, next: impl Fn() -> Option<Job>, url: &DatabaseUrl, pool: &Pool<DatabaseUrl>) {
    let mut connection = match begun(url, pool) {
        Ok(connection) => connection,
        Err(error) => {
            let error = Arc::new(error);
            return first(Err(Arc::clone(&error)))(Err(error));
        }
    };
    let mut responses = vec![first(Ok(&mut connection))];
    while responses.len() < GROUP
        && is_open(&mut connection)
        && let Some(job) = next()
    {
        responses.push(job(Ok(&mut connection)));
    }
    let committed = commit(&mut connection, responses.len()).map_err(Arc::new);
    for response in responses {
        response(committed.clone());
    }
}

fn begun(url: &DatabaseUrl, pool: &Pool<DatabaseUrl>) -> Result<PooledConnection<DatabaseUrl>, StoreError> {
    let mut connection = connection(pool)?;
    begin(&mut connection, url.begin())?;
    Ok(connection)
}

fn without_panic<T, E: From<StoreError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        log::error!("panic in database work");
        Err(StoreError::Cancelled.into())
    })
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
