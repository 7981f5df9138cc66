use std::sync::mpsc;
use std::thread;

use diesel::r2d2::Pool;

use crate::store::DatabaseUrl;

/// The only thread of this process that writes to SQLite, which allows one writer at a time. Without this queue, writers
/// would poll the lock at growing intervals, be overtaken by new ones, and fail in the end.
///
/// The queue holds work and not requests: a request whose client stopped reading is not polled, and would block the rest.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    connection: Pool<DatabaseUrl>,
}

impl Writer {
    /// Starts the thread, which ends when the last clone is dropped. The pool is for this thread only: otherwise the
    /// whole queue would wait while readers use all connections.
    pub fn start(connection: Pool<DatabaseUrl>) -> Self {
        let (queue, receiver) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let work = move || receiver.into_iter().for_each(|work| work());
        thread::Builder::new().name("writer".to_owned()).spawn(work).expect("the system can start a thread");
        Self { queue, connection }
    }

    pub fn connection(&self) -> &Pool<DatabaseUrl> {
        &self.connection
    }

    /// Appends work to the queue. It must not panic.
    pub fn submit(&self, work: impl FnOnce() + Send + 'static) {
        // Cannot fail: the thread runs as long as `self` exists.
        let _ = self.queue.send(Box::new(work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use futures_util::{FutureExt as _, pin_mut};
    use tempfile::TempDir;

    use crate::store::{Database, StoreError};

    fn database() -> (Database, TempDir) {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display()).parse().unwrap();
        (Database::open(&url).unwrap(), folder)
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
