//! Log lines as text or JSON, each with the id of its request.

use std::io::{self, Write};

use chrono::SecondsFormat;
use clap::ValueEnum;
use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::Record;
use serde_json::json;
use shared_claims::{Clock, SystemClock};

use crate::request_id;

/// The default of `RUST_LOG`: our own messages, one line for each request (`access`), and warnings of the HTTP server.
pub const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// The default of `RUST_LOG` for commands, whose output is their result.
pub const COMMAND_FILTER: &str = "warn";

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `TIME LEVEL TARGET [REQUEST] MESSAGE`
    Text,
    /// One JSON object per line
    Json,
}

/// Starts logging to standard error, filtered by `RUST_LOG` or else by `default_filter`. Later calls have no effect.
pub fn start(format: LogFormat, default_filter: &str) {
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let mut builder = Builder::new();
    builder.parse_filters(filter.as_deref().unwrap_or(default_filter));
    match format {
        LogFormat::Text => builder.format(text_line),
        LogFormat::Json => builder.format(json_line),
    };
    // Keeps the logger of a process that hosts this server.
    let _ = builder.try_init();
}

fn text_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (time, level, target, message) = (time(), record.level(), record.target(), record.args());
    match request_id::current() {
        Some(request) => writeln!(out, "{time} {level:<5} {target} [{request}] {message}"),
        None => writeln!(out, "{time} {level:<5} {target} {message}"),
    }
}

fn json_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut line = json!({
        "time": time(),
        "level": record.level().as_str(),
        "target": record.target(),
        "message": record.args().to_string(),
    });
    if let Some(request) = request_id::current() {
        line["request_id"] = json!(request.as_str());
    }
    writeln!(out, "{line}")
}

fn time() -> String {
    SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
