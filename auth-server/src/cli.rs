//! The command line: without a command the program starts a server.

mod check;
mod import;
mod invitations;
mod keys;
mod mail;
mod migrate;
mod misspelt;
mod new_password;
mod output;
mod paging;
mod screen;
mod sessions;
mod short_id;
mod table;
mod transfer;
mod user_arg;
mod user_output;
mod users;

use clap::{Parser, Subcommand};
use server_kit::command_line::{self, Failure};
use server_kit::healthcheck;
use server_kit::reference::Reference;

use crate::cli::keys::KeysCommand;
use crate::cli::mail::MailCommand;
pub use crate::cli::misspelt::misspelt_variables;
use crate::cli::output::{OutputOptions, Report};
use crate::cli::sessions::SessionsCommand;
use crate::cli::transfer::{ExportArguments, ImportArguments};
use crate::cli::users::UsersCommand;
use crate::settings::Settings;

const ABOUT: &str = "Registers users, checks passwords, issues access tokens and rotates refresh tokens";
const LONG_ABOUT: &str = "\
Registers users, checks passwords, issues access tokens and rotates refresh tokens

Without a command, the server starts. Every option can also be set by the environment variable shown with it; an empty \
variable counts as not set. Every secret can also be read from a file, by the option that ends in -file.";
const EXAMPLES: &str = "\
Examples:
  Create two secrets, and start on this machine with SQLite:
    umask 077; openssl rand -base64 32 >refresh.secret; openssl rand -base64 32 >keys.secret
    auth-server --jwt-refresh-secret-file refresh.secret --key-encryption-secret-file keys.secret
  Check the settings and the database of a deployment, without changes:
    ISSUER=https://auth.example.org DATABASE_URL_FILE=/run/secrets/database_url auth-server check";
const HINT: &str = "\
Environment variables work too: BIND_ADDR sets --bind-addr. All options: auth-server --help";

/// The command line of the program.
#[derive(Parser)]
#[command(name = "auth-server", version, max_term_width = 110, about = ABOUT, long_about = LONG_ABOUT)]
#[command(after_help = format!("{EXAMPLES}\n\n{HINT}"), after_long_help = EXAMPLES)]
pub struct CommandLine {
    /// Without a command, the server starts.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings. Commands check only those that they use.
    #[command(flatten)]
    pub settings: Settings,
}

/// The commands beside serving.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Create, find, change, delete and import users
    Users {
        /// Subcommand
        #[command(subcommand)]
        command: UsersCommand,
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// List and end the sessions of a user
    Sessions {
        /// Subcommand
        #[command(subcommand)]
        command: SessionsCommand,
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// List, rotate and retire signing keys
    Keys {
        /// Subcommand
        #[command(subcommand)]
        command: KeysCommand,
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Test the mail server, and list and retry mails
    Mail {
        /// Subcommand
        #[command(subcommand)]
        command: MailCommand,
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Apply pending database migrations, as a server does when it starts
    Migrate {
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Write all data to a file, to move it to another database
    ///
    /// Stop the servers first. The file contains password hashes and encrypted secrets: only its owner can read it.
    Export {
        /// What to export
        #[command(flatten)]
        export: ExportArguments,
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Read all data from a file that `export` wrote, into an empty database
    ///
    /// After an interruption, run the same command again to continue. No server starts on a database with an incomplete import.
    Import {
        /// What to import
        #[command(flatten)]
        import: ImportArguments,
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Check whether a server would start, without changing anything
    ///
    /// Checks settings, secrets, database and signing keys. Also warns about settings that weaken the server, and about
    /// environment variables that look like misspelt settings.
    Check {
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Check whether the server at `BIND_ADDR` is ready; exits with 0 or 1
    Healthcheck {
        /// Format of the output
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Print shell completions, or the manual
    #[command(flatten)]
    Reference(Reference),
}

/// Runs a command and prints its report to standard output.
///
/// # Errors
/// One line: why the command failed.
pub async fn run(settings: &Settings, command: Command) -> Result<(), String> {
    match command {
        Command::Users { command, output } => {
            users::run(settings, command, output).await.map(|report| report.print(output))
        }
        Command::Sessions { command, output } => {
            sessions::run(settings, command).await.map(|report| report.print(output))
        }
        Command::Keys { command, output } => {
            keys::run(settings, command).await.map(|report| report.print(output))
        }
        Command::Mail { command, output } => {
            mail::run(settings, command).await.map(|report| report.print(output))
        }
        Command::Migrate { output } => migrate::run(settings).map(|report| report.print(output)),
        Command::Export { export, output } => transfer::export(settings, &export, output),
        Command::Import { import, output } => {
            transfer::import(settings, &import).map(|report| report.print(output))
        }
        Command::Check { output } => check::run(settings, output).await,
        Command::Healthcheck { output } => {
            let health = healthcheck::check(settings.bind_addr, settings.tls.is_on()).await;
            if health.is_ok() || !output.is_text() {
                Report::of_health(&health).print(output);
            }
            health.map(drop)
        }
        Command::Reference(reference) => reference.print::<CommandLine>(),
    }
}

impl CommandLine {
    /// Parses flags and environment variables. Prints help and version and exits, where they are requested.
    ///
    /// # Errors
    /// One line that names the flag or the variable.
    pub fn from_process() -> Result<Self, Failure> {
        let line: Self = command_line::from_process()?;
        if line.command.is_none() {
            line.settings.check().map_err(Failure::Usage)?;
        }
        Ok(line)
    }
}
