use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

/// The one thread of this process that writes to SQLite, which has one writer at a time, and has the others look again
/// after ever longer pauses, so that newcomers overtake them until their patience is over. Here they stand in line, without
/// a connection that readers could use.
///
/// What waits is the work and not the request: one whose client has stopped reading is not polled, and a turn that was given
/// to it would be nobody's.
#[derive(Clone)]
pub struct Writer {
    line: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Writer {
    /// Starts the thread. It ends when this is dropped.
    pub fn start() -> Self {
        let (line, next) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let work = move || {
            for work in next {
                // What panics has no answer, and must not cost us the thread.
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    log::error!("work on the database panicked");
                }
            }
        };
        thread::Builder::new().name("writer".to_owned()).spawn(work).expect("the system has threads");
        Self { line }
    }

    /// Has the thread do this, after all that stands in line already.
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

    use super::super::{Database, StoreError};

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
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let (database, _folder) = database();
        let (go_on, waiting) = mpsc::channel();
        let (done, is_done) = mpsc::channel();
        let first = write(&database, move || waiting.recv().unwrap());
        pin_mut!(first);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(write(&database, move || done.send(()).unwrap()).now_or_never().is_none());
        go_on.send(()).unwrap();
        first.await.unwrap();
        write(&database, || ()).await.unwrap();
        assert!(is_done.try_recv().is_err());
    }

    #[actix_web::test]
    async fn what_panics_costs_no_other_writer_anything() {
        let (database, _folder) = database();
        let panicked = write(&database, || panic!("as it should")).await;
        assert!(matches!(panicked, Err(StoreError::Cancelled)));
        write(&database, || ()).await.unwrap();
    }
}
