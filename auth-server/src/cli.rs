//! The command line: without a command the program starts a server.

mod check;
mod import;
mod keys;
mod migrate;
mod new_password;
mod output;
mod sessions;
mod user_arg;
mod user_output;
mod users;

use clap::{CommandFactory, Parser, Subcommand};
use server_kit::healthcheck;

use crate::cli::keys::KeysCommand;
use crate::cli::output::Report;
use crate::cli::sessions::SessionsCommand;
use crate::cli::users::UsersCommand;
use crate::settings::{self, Settings};

/// One run of the program. `--help` begins with the words that stand above [`Settings`].
#[derive(Parser)]
#[command(name = "auth-server", version)]
pub struct CommandLine {
    /// None: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Held against the rules between them only if the server is to start: a command looks at those that it needs.
    #[command(flatten)]
    pub settings: Settings,
}

/// Everything but serving.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Create, list, change and delete users
    Users {
        /// Subcommand
        #[command(subcommand)]
        command: UsersCommand,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// List and end sessions of a user
    Sessions {
        /// Subcommand
        #[command(subcommand)]
        command: SessionsCommand,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// List, rotate and retire signing keys
    Keys {
        /// Subcommand
        #[command(subcommand)]
        command: KeysCommand,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Apply pending database migrations, as a server does when it starts
    Migrate {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check whether a server would start with these settings and this database; changes nothing
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check whether the server at `BIND_ADDR` is ready: exits with 0 or 1
    Healthcheck {
        /// Print JSON, also on failure
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command and prints its report to standard output.
///
/// # Errors
/// One line: why the command failed.
pub async fn run(settings: &Settings, command: Command) -> Result<(), String> {
    match command {
        Command::Users { command, json } => {
            users::run(settings, command, json).await.map(|report| report.print(json))
        }
        Command::Sessions { command, json } => {
            sessions::run(settings, command).await.map(|report| report.print(json))
        }
        Command::Keys { command, json } => {
            keys::run(settings, command).await.map(|report| report.print(json))
        }
        Command::Migrate { json } => migrate::run(settings).map(|report| report.print(json)),
        Command::Check { json } => check::run(settings, json).await,
        Command::Healthcheck { json } => {
            let health = healthcheck::ask(settings.bind_addr).await;
            if json || health.is_ok() {
                Report::of_health(&health).print(json);
            }
            health.map(drop)
        }
    }
}

impl CommandLine {
    /// Reads flags and environment. Help and version are answered, and the process ends.
    ///
    /// # Errors
    /// One line that names the variable, what is wrong and what is right.
    pub fn from_flags_and_environment() -> Result<Self, String> {
        let command = settings::without_empty_variables(Self::command());
        let line: Self = settings::parse(command, std::env::args_os())?;
        match line.command {
            None => Ok(Self { settings: line.settings.checked()?, ..line }),
            Some(_) => Ok(line),
        }
    }
}
