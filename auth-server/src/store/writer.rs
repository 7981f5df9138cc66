use std::sync::mpsc;
use std::thread;

use diesel::r2d2::Pool;

use crate::store::DatabaseUrl;

/// The one thread of this process that writes to SQLite. SQLite has one writer at a time; others look again after ever
/// longer pauses, are overtaken by newcomers, and fail in the end. So here they stand in line.
///
/// What waits is the work and not the request: one whose client has stopped reading is not polled, and a turn that was given
/// to it would be nobody's.
#[derive(Clone)]
pub struct Writer {
    line: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    connection: Pool<DatabaseUrl>,
}

impl Writer {
    /// Starts the thread, which ends when nobody has this any more. The pool is for it alone: readers, who may be many, keep
    /// the whole line waiting for nothing.
    pub fn start(connection: Pool<DatabaseUrl>) -> Self {
        let (line, next) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let work = move || next.into_iter().for_each(|work| work());
        thread::Builder::new().name("writer".to_owned()).spawn(work).expect("the system has threads");
        Self { line, connection }
    }

    /// Where the work gets its connection from.
    pub fn connection(&self) -> &Pool<DatabaseUrl> {
        &self.connection
    }

    /// Has the thread do this, which must not panic, after all that stands in line already.
    pub fn write(&self, work: impl FnOnce() + Send + 'static) {
        // The thread is there as long as we are.
        let _ = self.line.send(Box::new(work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::{FutureExt as _, pin_mut};
    use tempfile::TempDir;

    use crate::store::{Database, StoreError};

    fn database() -> (Database, TempDir) {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display()).parse().unwrap();
        (Database::open(&url).unwrap(), folder)
    }

    async fn write(database: &Database, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let work = |_: &mut _| {
            work();
            Ok(())
        };
        database.transaction(work).await
    }

    #[actix_web::test]
    async fn a_writer_whom_nobody_polls_any_more_keeps_no_other_waiting() {
        let (database, _folder) = database();
        let (go_on, waiting) = mpsc::channel();
        let first = write(&database, move || waiting.recv().unwrap());
        let (forgotten, last) = (write(&database, || ()), write(&database, || ()));
        pin_mut!(first, forgotten, last);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(forgotten.as_mut().now_or_never().is_none());
        assert!(last.as_mut().now_or_never().is_none());
        go_on.send(()).unwrap();
        first.await.unwrap();
        last.await.unwrap();
    }

    #[actix_web::test]
    async fn what_panics_costs_no_other_writer_anything() {
        let (database, _folder) = database();
        let panicked = write(&database, || panic!("as it should")).await;
        assert!(matches!(panicked, Err(StoreError::Cancelled)));
        write(&database, || ()).await.unwrap();
    }
}
