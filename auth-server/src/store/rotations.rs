//! Rotations on PostgreSQL. A few threads take them from a queue: what has gathered while their last statement ran goes into
//! the next one.

use std::iter::once;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::r2d2::Pool;
use tokio::sync::oneshot;

use crate::fail_points;
use crate::model::{Session, User};
use crate::store::sessions::{RotateParams, rotate_batch};
use crate::store::submission::{Submission, connection};
use crate::store::transaction::{begin, transaction_once};
use crate::store::{AnyConnection, DatabaseUrl, StoreError};

/// Statements at a time. While one waits for the disk, another one runs. Refreshes per second of 64 connections on two cores,
/// which the server, PostgreSQL with fsync and the clients share: 11,000 with one thread, 12,700 with two, 11,900 with three.
/// Without batches, ten threads reach 4,100.
pub const THREADS: u32 = 2;
/// Rotations in one statement.
const BATCH: usize = 64;

/// The session after the rotation, and its user. `None` if the statement wrote nothing.
pub type Rotated = Option<(Session, User)>;

#[derive(Clone)]
pub struct Rotations {
    queue: Sender<Job>,
    connections: Pool<DatabaseUrl>,
}

struct Job {
    params: RotateParams,
    submission: Submission,
    response: oneshot::Sender<Result<Rotated, StoreError>>,
}

impl Rotations {
    /// Starts the threads, which end when the last clone is dropped. The pool is for them only: otherwise refreshes would wait
    /// while logins use all connections.
    pub fn start(url: &DatabaseUrl, connections: Pool<DatabaseUrl>) -> Self {
        let (queue, receiver) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..THREADS {
            let (receiver, url, pool) = (Arc::clone(&receiver), url.clone(), connections.clone());
            let work = move || {
                while let Some(batch) = next_batch(&receiver) {
                    // A panic drops the jobs, which fails their requests.
                    if catch_unwind(AssertUnwindSafe(|| run(batch, &url, &pool))).is_err() {
                        log::error!("panic in a batch of rotations");
                    }
                }
            };
            let thread = thread::Builder::new().name(format!("rotations-{number}"));
            thread.spawn(work).expect("the system can start a thread");
        }
        Self { queue, connections }
    }

    pub fn connections(&self) -> &Pool<DatabaseUrl> {
        &self.connections
    }

    pub fn is_connected(&self) -> bool {
        self.connections.state().connections > 0
    }

    pub fn submit(
        &self,
        params: RotateParams,
        submission: Submission,
    ) -> oneshot::Receiver<Result<Rotated, StoreError>> {
        let (response, receiver) = oneshot::channel();
        // Cannot fail: the threads run as long as `self` exists.
        let _ = self.queue.send(Job { params, submission, response });
        receiver
    }
}

/// Waits for a job and takes what has gathered behind it. `None` if there will be no more.
fn next_batch(queue: &Mutex<Receiver<Job>>) -> Option<Vec<Job>> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let first = queue.recv().ok()?;
    Some(once(first).chain(queue.try_iter()).take(BATCH).collect())
}

fn run(batch: Vec<Job>, url: &DatabaseUrl, pool: &Pool<DatabaseUrl>) {
    let connection = connection(pool).map_err(Arc::new);
    let mut params = Vec::with_capacity(batch.len());
    let mut responses = Vec::with_capacity(batch.len());
    for Job { params: one, submission, response } in batch {
        // If the client has hung up, its request was dropped. It may have sent another one since, which this one must not
        // overtake.
        if response.is_closed() {
            continue;
        }
        let started =
            submission.check().and_then(|()| submission.end(connection.as_ref().map_err(Arc::clone)));
        match started {
            Ok(_) => {
                params.push(one);
                responses.push(response);
            }
            Err(error) => drop(response.send(Err(error))),
        }
    }
    let Ok(mut connection) = connection else { return };
    match rotate(&mut connection, url, &params) {
        Ok(results) => {
            for (response, rotated) in responses.into_iter().zip(results) {
                let _ = response.send(Ok(rotated));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for response in responses {
                let _ = response.send(Err(StoreError::Shared(Arc::clone(&error))));
            }
        }
    }
}

/// One statement, which is a transaction of its own. It is not repeated after an error, because it may have been committed.
fn rotate(
    connection: &mut AnyConnection,
    url: &DatabaseUrl,
    params: &[RotateParams],
) -> Result<Vec<Rotated>, StoreError> {
    if params.is_empty() {
        return Ok(Vec::new());
    }
    let work = |connection: &mut AnyConnection| match connection {
        AnyConnection::Postgres(connection) => rotate_batch(connection, params),
        AnyConnection::Sqlite(_) => Ok(params.iter().map(|_| None).collect()),
    };
    if fail_points::loses_commit(params.len()) {
        begin(connection, url.begin())?;
        return work(connection);
    }
    if url.is_pooled() { transaction_once(connection, url.begin(), work) } else { work(connection) }
}
