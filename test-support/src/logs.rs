//! What the servers of this process log.

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

use crate::evidence::{self, Place};

static LOGGER: Logger = Logger { security: Mutex::new(Vec::new()) };

struct Logger {
    security: Mutex<Vec<String>>,
}

/// From now on keeps what is logged; at its most talkative where somebody will search it for secrets.
pub fn listen() {
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(if evidence::is_kept() { LevelFilter::Trace } else { LevelFilter::Info });
    }
}

/// The lines of the security log about a session, by any server of this process.
pub fn security_log(session: &str) -> Vec<String> {
    let lines = LOGGER.security.lock().expect("no panic");
    lines.iter().filter(|line| line.contains(&format!("session={session} "))).cloned().collect()
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "security" || evidence::is_kept()
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == "security" {
            self.security.lock().expect("no panic").push(record.args().to_string());
        }
        if evidence::is_kept() {
            let line = format!("{} {} {}", record.level(), record.target(), record.args());
            evidence::exposed(Place::Log, line.as_bytes());
        }
    }

    fn flush(&self) {}
}
