//! Tools for tests over real HTTP and real databases: a request and its answer, a server as a process, a network that
//! loses things, and a database for every test.

#![expect(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "tools for tests, whose names say it, and which panic where a test is to fail"
)]

mod call;
mod database;
pub mod evidence;
pub mod fault_proxy;
mod logs;
mod program;

pub use call::{COOKIE_NAME, Call, NoResponse, Response, client};
pub use database::{OpenTransaction, TestDatabase, hex};
pub use logs::security_log;
pub use program::{Program, free_address};
