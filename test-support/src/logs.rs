//! Records what the servers in this process log.

use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::evidence::{self, Sink};

/// At level trace, actix logs the state of each connection: three quarters of all lines.
const CONNECTIONS: &str = "actix_http::h1::dispatcher";

static LOGGER: Logger = Logger { security: Mutex::new(Vec::new()) };

struct Logger {
    security: Mutex<Vec<String>>,
}

/// Installs the logger. The level is trace if the run is recorded, so that as much as possible is searched for secrets.
pub fn listen() {
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(if evidence::is_recorded() { LevelFilter::Trace } else { LevelFilter::Info });
    }
}

/// The lines of the security log about a session, from all servers in this process.
pub fn security_log(session: &str) -> Vec<String> {
    let lines = LOGGER.security.lock().expect("no panic");
    lines.iter().filter(|line| line.contains(&format!("session={session} "))).cloned().collect()
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "security" || evidence::is_recorded()
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == "security" {
            self.security.lock().expect("no panic").push(record.args().to_string());
        }
        let is_state = record.level() == Level::Trace && record.target() == CONNECTIONS;
        if evidence::is_recorded() && !is_state {
            let line = format!("{} {} {}", record.level(), record.target(), record.args());
            evidence::exposed(Sink::Log, line.as_bytes());
        }
    }

    fn flush(&self) {}
}
