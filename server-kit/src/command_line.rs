//! Command lines of the programs: flags, environment variables and exit statuses.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Command, Error, Parser};

/// The exit status of wrong usage, as shells and clap use it.
const USAGE: u8 = 2;

/// Why a program ends without success. The text is one line.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// A flag, an argument or an environment variable is wrong: exit status 2.
    Usage(String),
    /// Anything else: exit status 1.
    Runtime(String),
}

impl From<String> for Failure {
    fn from(line: String) -> Self {
        Self::Runtime(line)
    }
}

/// The exit status of a program. Prints a failure to standard error, after the program's name.
#[must_use]
pub fn exit_code(program: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(line)) => {
            eprintln!("{program}: {line}");
            ExitCode::from(USAGE)
        }
        Err(Failure::Runtime(line)) => {
            eprintln!("{program}: {line}");
            ExitCode::FAILURE
        }
    }
}

/// Parses the process's flags and environment variables; an empty variable counts as not set. Prints help and version
/// and exits, where they are requested.
///
/// # Errors
/// [`Failure::Usage`] with one line that names the flag or variable.
pub fn from_process<P: Parser>() -> Result<P, Failure> {
    let is_short_help = std::env::args_os().any(|flag| flag == "-h");
    let command = P::command().mut_args(|argument| {
        // Compose files and service managers set variables without a value.
        let is_empty = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        let argument = if is_empty { argument.env(Resettable::Reset) } else { argument };
        // One line per option and no headings: the name of the value is the variable.
        if is_short_help {
            argument.hide_env(true).hide_possible_values(true).help_heading(None::<&str>)
        } else {
            argument
        }
    });
    parse(command, std::env::args_os()).map_err(|error| match error.kind() {
        // Help and version, and help in place of a missing subcommand.
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => Failure::Usage(one_line(&error)),
    })
}

/// Parses flags without environment variables, for a process that hosts a server. The first is the program's name.
///
/// # Errors
/// One line that names the flag.
pub fn from_flags<P: Parser, A: Into<OsString> + Clone>(
    flags: impl IntoIterator<Item = A>,
) -> Result<P, String> {
    let command = P::command().mut_args(|argument| argument.env(Resettable::Reset));
    parse(command, flags).map_err(|error| one_line(&error))
}

fn parse<P: Parser, A: Into<OsString> + Clone>(
    command: Command,
    flags: impl IntoIterator<Item = A>,
) -> Result<P, Error> {
    command.try_get_matches_from(flags).and_then(|matches| P::from_arg_matches(&matches))
}

/// The first paragraph of clap's message, which names the flag and the variable, and its suggestions.
fn one_line(error: &Error) -> String {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let message = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
    let tips = paragraphs.flat_map(str::lines).filter_map(|line| line.trim().strip_prefix("tip: "));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    tips.fold(words(message), |line, tip| format!("{line}; {}", words(tip)))
}
