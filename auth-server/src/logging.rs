//! Log lines, for people and for machines.

use std::io::{self, Write};

use chrono::SecondsFormat;
use env_logger::fmt::Formatter;
use env_logger::{Builder, Env};
use log::Record;
use serde_json::json;
use shared_claims::{Clock, SystemClock};

use crate::settings::LogFormat;

/// Our own news, and the framework's worries.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Starts logging to standard error: `RUST_LOG` says how much, `LOG_FORMAT` how it looks. A second call changes
/// nothing.
pub fn start(format: LogFormat) {
    let mut builder = Builder::from_env(Env::default().default_filter_or(DEFAULT_FILTER));
    match format {
        LogFormat::Text => builder.format(text_line),
        LogFormat::Json => builder.format(json_line),
    };
    // Another logger that is there already is the choice of whoever hosts this server.
    let _ = builder.try_init();
}

fn text_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    writeln!(out, "{} {:<5} {} {}", time(), record.level(), record.target(), record.args())
}

fn json_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let line = json!({
        "time": time(),
        "level": record.level().as_str(),
        "target": record.target(),
        "message": record.args().to_string(),
    });
    writeln!(out, "{line}")
}

fn time() -> String {
    SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
