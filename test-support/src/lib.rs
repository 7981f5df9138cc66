//! What the tests of all crates share: HTTP calls and their responses, servers as processes, a faulty network, and a new
//! database for each test.

#![expect(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "test tools are documented by their names, and panic to fail a test"
)]

mod aiosmtpd;
pub mod authenticator;
mod call;
mod certificate;
mod database;
pub mod evidence;
pub mod fault_proxy;
mod logs;
mod pgbouncer;
mod program;
mod smtp;
mod tokens;
mod totp;

pub use aiosmtpd::Aiosmtpd;
pub use authenticator::Authenticator;
pub use call::{COOKIE_NAME, Call, NoResponse, Response, client};
pub use certificate::{Certificate, client_trusting};
pub use database::{OpenTransaction, TestDatabase, hex};
pub use logs::security_log;
pub use program::{Program, free_address};
pub use smtp::{ReceivedMail, SmtpFault, SmtpServer, SmtpTls};
pub use tokens::{claims, token_header};
pub use totp::totp_code;
