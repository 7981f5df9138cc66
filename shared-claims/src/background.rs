use std::thread;

use actix_rt::{Arbiter, System};

/// Starts a task that is not `Send`: on the current actix arbiter, or without one, as in an application on axum, on a thread of
/// its own.
pub(crate) fn spawn<F: Future<Output = ()> + 'static>(task: impl FnOnce() -> F + Send + 'static) {
    if Arbiter::try_current().is_some() {
        actix_rt::spawn(task());
    } else {
        thread::spawn(|| System::new().block_on(async { task().await }));
    }
}
