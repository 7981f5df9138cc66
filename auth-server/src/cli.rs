//! The command line: to serve, or one of the commands.

pub mod check;
pub mod import;
pub mod keys;
pub mod migrate;
mod new_password;
pub mod output;
pub mod sessions;
mod user_output;
pub mod users;

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::keys::KeysCommand;
use crate::cli::sessions::SessionsCommand;
use crate::cli::users::UsersCommand;
use crate::settings::{self, Settings};

/// One run of the program. `--help` begins with the words that stand above [`Settings`].
#[derive(Debug, Parser)]
#[command(name = "auth-server", version)]
pub struct CommandLine {
    /// None: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Held against the rules between them only if the server is to start: a command looks at those that it needs.
    #[command(flatten)]
    pub settings: Settings,
}

/// What else there is to do; without one of these the server starts.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Look at the keys that sign access tokens, or change them by hand
    Keys {
        /// What to do
        #[command(subcommand)]
        command: KeysCommand,
        /// Answer in JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Look after people: find, make, change and delete them
    Users {
        /// What to do
        #[command(subcommand)]
        command: UsersCommand,
        /// Answer in JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// See where people are logged in, or log them out
    Sessions {
        /// What to do
        #[command(subcommand)]
        command: SessionsCommand,
        /// Answer in JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Bring the database up to date, as the start of a server does, and say what was done
    Migrate {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Look whether a server would start with these settings, on this database; changes nothing
    Check {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask the server that runs at `BIND_ADDR` whether it is ready: one line, and exit status 0 or 1
    Healthcheck {
        /// Answer in JSON, also where it is not
        #[arg(long)]
        json: bool,
    },
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
