//! Log lines, for people and for machines, each with the request that it is about.

use std::io::{self, Write};

use chrono::SecondsFormat;
use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::Record;
use serde_json::json;
use shared_claims::{Clock, SystemClock};

use crate::request_id;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `TIME LEVEL TARGET [REQUEST] MESSAGE`
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `filter` says how much, in the words of `RUST_LOG`. A second call changes nothing.
pub fn start(filter: &str, format: Format) {
    let mut builder = Builder::new();
    builder.parse_filters(filter);
    match format {
        Format::Text => builder.format(text_line),
        Format::Json => builder.format(json_line),
    };
    // Another logger that is there already is the choice of whoever hosts this server.
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
