//! What both servers share around their handlers, and third-party APIs do not need: settings, logs, metrics,
//! connections, proxy headers, health checks.
//!
//! Validating tokens is the job of `shared-claims`; nothing here decides whether a token is valid.

pub mod command_line;
pub mod connections;
pub mod cors;
pub mod default_headers;
pub mod docs;
mod error_table;
pub mod etag;
pub mod file_access;
pub mod framework_errors;
pub mod healthcheck;
pub mod http_server;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod middleware;
pub mod openapi;
pub mod page_files;
pub mod real_ip;
pub mod reference;
pub mod request_id;
pub mod request_log;
pub mod secret;
pub mod settings;
pub mod tls;
