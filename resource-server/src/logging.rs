//! Log lines, for people or for machines. `RUST_LOG` says which.

use std::io::{self, Write};

use env_logger::fmt::Formatter;
use env_logger::{Builder, Env};
use log::Record;
use serde_json::json;

use crate::settings::LogFormat;

/// Starts logging to standard error. A second call changes nothing.
pub fn start(format: LogFormat) {
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    if format == LogFormat::Json {
        builder.format(json_line);
    }
    // Another logger that is there already is the choice of whoever hosts this server.
    let _ = builder.try_init();
}

fn json_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let line = json!({
        "time": out.timestamp_millis().to_string(),
        "level": record.level().as_str(),
        "target": record.target(),
        "message": record.args().to_string(),
    });
    writeln!(out, "{line}")
}
