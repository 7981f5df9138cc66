//! What both servers share around their handlers, and APIs of other people do not need.
//!
//! Validating tokens is the job of `shared-claims`; nothing here decides whether a token is valid.

pub mod cors;
pub mod framework_errors;
pub mod healthcheck;
pub mod idle_connections;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod openapi;
pub mod real_ip;
pub mod request_id;
pub mod request_log;
