use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::r2d2::{Pool, PooledConnection};

use crate::store::database_metrics::{DatabaseMetrics, NO_CONNECTION, OVERDUE};
use crate::store::{DatabaseUrl, StoreError};

/// How long work waits for a free connection.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(3);
/// The same while the pool has no connection at all. The database is unreachable then, and each waiting request
/// occupies a thread.
const OUTAGE_TIMEOUT: Duration = Duration::from_millis(500);

/// Work that waits for its turn and for a connection.
pub struct Submission {
    at: Instant,
    timeout: Duration,
    metrics: DatabaseMetrics,
}

impl Submission {
    /// `timeout`: how long the work waits for its turn.
    pub fn now(timeout: Duration, metrics: &DatabaseMetrics) -> Self {
        Self { at: Instant::now(), timeout, metrics: metrics.clone() }
    }

    /// Fails if the work waited too long. It must not start then, so nothing is written.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.at.elapsed() <= self.timeout {
            return Ok(());
        }
        self.metrics.observe_wait(self.at.elapsed());
        self.metrics.count_failure(OVERDUE);
        Err(StoreError::Timeout)
    }

    /// Records that the wait is over, with or without a connection.
    pub fn end<T>(&self, connection: Result<T, Arc<StoreError>>) -> Result<T, StoreError> {
        self.metrics.observe_wait(self.at.elapsed());
        connection.map_err(|error| {
            if matches!(*error, StoreError::NoConnection(_)) {
                self.metrics.count_failure(NO_CONNECTION);
            }
            StoreError::Shared(error)
        })
    }
}

/// Blocks until a connection is free.
pub fn connection(pool: &Pool<DatabaseUrl>) -> Result<PooledConnection<DatabaseUrl>, StoreError> {
    let started = Instant::now();
    loop {
        let outcome = pool.get_timeout(OUTAGE_TIMEOUT);
        if outcome.is_ok() || pool.state().connections == 0 || started.elapsed() >= CONNECTION_TIMEOUT {
            return outcome.map_err(|error| StoreError::NoConnection(error.to_string()));
        }
    }
}
