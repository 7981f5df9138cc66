//! What server-kit promises, from the outside.

mod framework_errors;
mod tls;
