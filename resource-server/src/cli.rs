//! The command line: to serve, or to check a running server.

use clap::{Parser, Subcommand};
use server_kit::command_line::{self, Failure};
use server_kit::reference::Reference;

use crate::settings::Settings;

const ABOUT: &str = "An API that accepts access tokens, validated with the public keys of the auth server";
const LONG_ABOUT: &str = "\
An API that accepts access tokens, validated with the public keys of the auth server

Without a command, the server starts. Every option can also be set by the environment variable shown with it; an empty \
variable counts as not set. Every secret can also be read from a file, by the option that ends in -file.";
const EXAMPLES: &str = "\
Examples:
  Start on this machine, for tokens of an auth server at http://localhost:8080:
    resource-server
  In production, with immediate revocation:
    resource-server --issuer https://auth.example.org --audience reports-api \\
      --revocation-feed-token-file /run/secrets/feed_token --bind-addr 0.0.0.0:8081";
const HINT: &str = "\
Environment variables work too: BIND_ADDR sets --bind-addr. All options: resource-server --help";

/// The command line of the program.
#[derive(Debug, Parser)]
#[command(name = "resource-server", version, max_term_width = 110, about = ABOUT, long_about = LONG_ABOUT)]
#[command(after_help = format!("{EXAMPLES}\n\n{HINT}"), after_long_help = EXAMPLES)]
pub struct CommandLine {
    /// Without a command, the server starts.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings. Commands check only those that they use.
    #[command(flatten)]
    pub settings: Settings,
}

/// The commands besides serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Check whether the server at `BIND_ADDR` is ready; exits with 0 or 1
    Healthcheck,
    /// Print shell completions, or the manual
    #[command(flatten)]
    Reference(Reference),
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
