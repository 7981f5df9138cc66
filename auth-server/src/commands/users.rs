//! `auth-server users`: looks after people without the servers.

mod import;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::Report;
use crate::settings::Settings;

/// What to do with people.
#[derive(Clone, Debug, Subcommand)]
pub enum UsersCommand {
    /// Bring people along from another system, with their password hashes: see docs/import.md
    Import {
        /// One person a line, in JSON; `-` is standard input, which needs `--bad-lines skip`
        file: PathBuf,
        /// What to do where some lines are bad: write nothing at all, or leave those out
        #[arg(long, default_value = "refuse")]
        bad_lines: BadLines,
        /// Pass over members that mean nothing here
        #[arg(long)]
        ignore_unknown: bool,
        /// The hashes are Flask-Security's: the servers need `FLASK_SECURITY_PASSWORD_SALT` to check them
        #[arg(long)]
        flask_security: bool,
    },
}

/// What to do where some lines are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BadLines {
    /// The whole file is read first, and nothing is written if a line is bad.
    Refuse,
    /// The others are imported.
    Skip,
}

/// Does it, and says what was done.
///
/// # Errors
/// One line that says why nothing was done, or not all of it.
pub async fn run(settings: &Settings, command: UsersCommand, as_json: bool) -> Result<Report, String> {
    match command {
        UsersCommand::Import { file, bad_lines, ignore_unknown, flask_security } => {
            let options = crate::domain::import::Options { ignore_unknown, flask_security };
            import::run(settings, &file, bad_lines, options, as_json).await
        }
    }
}
