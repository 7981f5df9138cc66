//! Tools for tests over real HTTP and real databases: a request and its answer, and a database for every test.

#![expect(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "tools for tests, whose names say it, and which panic where a test is to fail"
)]

mod call;
mod database;

pub use call::{Answer, COOKIE_NAME, Call, client};
pub use database::{TestDatabase, hex};
