use std::io::Write;

use env_logger::{Builder, Env};
use serde_json::json;

use crate::settings::LogFormat;

/// Our own news, and the framework's worries.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Starts logging: `RUST_LOG` says how much, `LOG_FORMAT` how it looks.
pub fn start(format: LogFormat) {
    let mut builder = Builder::from_env(Env::default().default_filter_or(DEFAULT_FILTER));
    if format == LogFormat::Json {
        builder.format(|out, record| {
            let time = out.timestamp_millis().to_string();
            let line = json!({
                "time": time,
                "level": record.level().as_str(),
                "target": record.target(),
                "message": record.args().to_string(),
            });
            writeln!(out, "{line}")
        });
    }
    builder.init();
}
