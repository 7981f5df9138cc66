//! Log lines as text or JSON, each with the id of its request.

mod json;

use std::io::{self, Write};
use std::panic;

use chrono::SecondsFormat;
use clap::ValueEnum;
use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::Record;
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

/// Starts logging to standard error, filtered by `RUST_LOG` or else by `default_filter`. Later calls have no effect. With
/// [`LogFormat::Json`] panics are logged too, so that every line is an object.
pub fn start(format: LogFormat, default_filter: &str) {
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let mut builder = Builder::new();
    builder.parse_filters(filter.as_deref().unwrap_or(default_filter));
    match format {
        LogFormat::Text => builder.format(text_line),
        LogFormat::Json => builder.format(json_line),
    };
    // Keeps the logger of a process that hosts this server.
    if builder.try_init().is_ok() && format == LogFormat::Json {
        panic::set_hook(Box::new(|panic| log::error!(target: "panic", "{panic}")));
    }
}

fn text_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (time, level, target, message) = (time(), record.level(), record.target(), record.args());
    match request_id::current() {
        Some(request) => writeln!(out, "{time} {level:<5} {target} [{request}] {message}"),
        None => writeln!(out, "{time} {level:<5} {target} {message}"),
    }
}

fn json_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    writeln!(out, "{}", json::object(record, time(), request_id::current()))
}

fn time() -> String {
    SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use serde_json::Value;

    use super::{LogFormat, start};

    /// Another process, because the logger and the hook for panics are global.
    #[test]
    fn a_panic_is_logged_as_one_object() {
        const IN_CHILD: &str = "LATCHKEY_TEST_PANIC";
        if env::var_os(IN_CHILD).is_some() {
            start(LogFormat::Json, "info");
            panic!("two\nlines");
        }
        let program = env::current_exe().expect("a path");
        let name = "logging::tests::a_panic_is_logged_as_one_object";
        let output = Command::new(program)
            .args(["--exact", name, "--nocapture"])
            .env(IN_CHILD, "1")
            .env_remove("RUST_LOG")
            .output()
            .expect("an output");
        let log = String::from_utf8(output.stderr).expect("text");
        let line: Value = serde_json::from_str(&log).expect(&log);
        assert_eq!((line["level"].as_str(), line["target"].as_str()), (Some("ERROR"), Some("panic")));
        let message = line["message"].as_str().expect("a message");
        assert!(
            message.contains("server-kit/src/logging.rs:") && message.ends_with("two\nlines"),
            "{message}"
        );
    }
}
