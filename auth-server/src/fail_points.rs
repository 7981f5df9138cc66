//! Points at which a test can make the server break its own rules or hang, to verify that the checks detect it.
//!
//! Only the tests of `faults` enable the feature `fail-points`. Without it the compiler removes every point; with it, a
//! point is active if `LATCHKEY_FAIL_POINTS` contains its name.

#[cfg(feature = "fail-points")]
pub fn is_set(point: &str) -> bool {
    let named =
        std::env::var("LATCHKEY_FAIL_POINTS").is_ok_and(|names| names.split(',').any(|name| name == point));
    if named {
        log::error!("fail point {point}");
    }
    named
}

#[cfg(not(feature = "fail-points"))]
pub const fn is_set(_point: &str) -> bool {
    false
}

/// Whether a transaction that serves this number of requests is not committed, although they get their responses.
pub fn loses_commit(requests: usize) -> bool {
    is_set("response-without-commit") || (requests > 1 && is_set("batch-without-commit"))
}

/// If the point is set, blocks the thread until the process is killed.
pub fn stop_at(point: &str) {
    while is_set(point) {
        std::thread::park();
    }
}
