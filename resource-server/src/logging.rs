//! Log lines, for people and for machines.

use server_kit::logging::{self, Format};

use crate::settings::LogFormat;

/// Our own news, a line for each request (`access`), and the framework's worries.
pub const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Starts logging to standard error: `RUST_LOG` says how much, or `default_filter` where it is not set, and `LOG_FORMAT` how it
/// looks. A second call changes nothing.
pub fn start(format: LogFormat, default_filter: &str) {
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let format = match format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    logging::start(filter.as_deref().unwrap_or(default_filter), format);
}
