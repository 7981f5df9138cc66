//! Records what the servers in this process log.

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

use crate::evidence::{self, Sink};

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
        if evidence::is_recorded() {
            let line = format!("{} {} {}", record.level(), record.target(), record.args());
            evidence::exposed(Sink::Log, line.as_bytes());
        }
    }

    fn flush(&self) {}
}
