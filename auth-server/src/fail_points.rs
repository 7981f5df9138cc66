//! Places where a test can make the server break its own rules or stop for good, to see that somebody would notice.
//!
//! Only the tests of `faults` turn the feature `fail-points` on. Without it nothing can reach a point, and the compiler
//! leaves none of them over; with it, a point does nothing unless `LATCHKEY_FAIL_POINTS` names it.

/// Whether the server is to go wrong here.
#[cfg(feature = "fail-points")]
pub fn is_set(point: &str) -> bool {
    let named =
        std::env::var("LATCHKEY_FAIL_POINTS").is_ok_and(|names| names.split(',').any(|name| name == point));
    if named {
        log::error!("fail point {point}");
    }
    named
}

/// Whether the server is to go wrong here: never.
#[cfg(not(feature = "fail-points"))]
pub const fn is_set(_point: &str) -> bool {
    false
}

/// Stops here until the process is killed, if it is to.
pub fn stop_at(point: &str) {
    while is_set(point) {
        std::thread::park();
    }
}
