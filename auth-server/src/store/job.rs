//! Work for a connection. Queues, threads and transactions do not know the type of its result: otherwise the program would
//! contain a copy of them for each of some hundred queries.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::r2d2::Pool;
use server_kit::request_id::{self, RequestId};
use tokio::sync::oneshot;

use crate::store::submission::{Submission, connection};
use crate::store::transaction::{Abort, Attempt, is_conflict, savepoint, transaction, transaction_once};
use crate::store::{AnyConnection, DatabaseUrl, StoreError};

/// The result of the last [`Attempt`]. Empty if the work was not done.
pub struct Kept<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

/// An attempt on behalf of a request, which waits for it.
pub struct Job {
    attempt: Attempt,
    submission: Submission,
    request: Option<RequestId>,
    waiting: Waiting,
}

/// Receives `Ok` once the result was kept and, in a transaction, committed or rolled back.
pub type Waiting = oneshot::Sender<Result<(), StoreError>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only reads, and needs no common snapshot.
    Read,
    Transaction,
}

/// Work that can be done once.
pub fn once<T, E>(
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
) -> (Attempt, Kept<T, E>)
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    let mut work = Some(work);
    keep(move |connection| work.take().expect("one attempt")(connection))
}

/// Work that can be repeated after a conflict.
pub fn repeatable<T, E>(
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E> + Clone + Send + 'static,
) -> (Attempt, Kept<T, E>)
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    keep(move |connection| work.clone()(connection))
}

fn keep<T, E>(
    mut work: impl FnMut(&mut AnyConnection) -> Result<T, E> + Send + 'static,
) -> (Attempt, Kept<T, E>)
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    let kept = Arc::new(Mutex::new(None));
    let place = Arc::clone(&kept);
    let attempt = move |connection: &mut AnyConnection| {
        let result = work(connection);
        let outcome = match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(Abort::Failed { error: error.to_string(), is_conflict: is_conflict(error) }),
        };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        outcome
    };
    (Box::new(attempt), Kept(kept))
}

impl<T, E: From<StoreError>> Kept<T, E> {
    pub fn take(self) -> Result<T, E> {
        let result = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or_else(|| Err(StoreError::Cancelled.into()))
    }
}

impl Job {
    /// A job of the current request, and its end.
    pub fn new(
        attempt: Attempt,
        submission: Submission,
    ) -> (Self, oneshot::Receiver<Result<(), StoreError>>) {
        let (waiting, end) = oneshot::channel();
        (Self { attempt, submission, request: request_id::current(), waiting }, end)
    }

    /// Does the work on a connection of the pool. Waiting for one blocks, too.
    pub fn run(self, kind: Kind, url: &DatabaseUrl, pool: &Pool<DatabaseUrl>) {
        let ended = self.for_request(|attempt, submission| {
            // A connection that is dropped by a panic is not used again.
            let run = AssertUnwindSafe(|| {
                submission.check()?;
                let mut connection = submission.end(connection(pool).map_err(Arc::new))?;
                match kind {
                    // Behind a pooler, the parameters of the session are set at the start of a transaction.
                    Kind::Read if url.is_pooled() => transaction_once(&mut connection, url.begin(), attempt),
                    Kind::Read => attempt(&mut connection),
                    Kind::Transaction => transaction(&mut connection, url.begin(), attempt),
                }
            });
            catch_unwind(run).unwrap_or_else(|_| Err(panicked()))
        });
        if let Some((waiting, result)) = ended {
            let _ = waiting.send(result);
        }
    }

    /// Does the work in a part of an open transaction.
    pub fn run_in(
        self,
        open: Result<&mut AnyConnection, Arc<StoreError>>,
    ) -> Option<(Waiting, Result<(), StoreError>)> {
        self.for_request(|attempt, submission| {
            submission.check()?;
            savepoint(submission.end(open)?, |connection| {
                catch_unwind(AssertUnwindSafe(|| attempt(connection))).unwrap_or_else(|_| Err(panicked()))
            })
        })
    }

    /// `None` if the client has hung up, so that its request was dropped. It may have sent another one since, which this one
    /// must not overtake.
    fn for_request(
        self,
        run: impl FnOnce(&mut Attempt, &Submission) -> Result<(), Abort>,
    ) -> Option<(Waiting, Result<(), StoreError>)> {
        let Self { mut attempt, submission, request, waiting } = self;
        if waiting.is_closed() {
            return None;
        }
        match request_id::on_behalf_of(request, || run(&mut attempt, &submission)) {
            Ok(()) | Err(Abort::Failed { .. }) => Some((waiting, Ok(()))),
            Err(Abort::Store(error)) => Some((waiting, Err(error))),
        }
    }
}

fn panicked() -> Abort {
    log::error!("panic in database work");
    Abort::Store(StoreError::Cancelled)
}
