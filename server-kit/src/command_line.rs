//! Command lines of the programs: flags, environment variables and exit statuses.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Command, Error, Parser};

use crate::reference;
use crate::settings::trimmed;

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

/// Parses the process's flags and environment variables. Drops white space and a byte order mark around the value of a
/// variable; an empty variable counts as not set. Prints help and version and exits, where they are requested.
///
/// # Errors
/// [`Failure::Usage`] with one line that names the flag or variable.
pub fn from_process<P: Parser>() -> Result<P, Failure> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let is_short_help = arguments.iter().any(|flag| flag == "-h");
    let mut trimmed_variables = Vec::new();
    let command = reference::command::<P>().mut_args(|argument| {
        let value = argument.get_env().and_then(std::env::var_os);
        let value = value.as_ref().and_then(|value| value.to_str());
        let clean = value.map(|value| without_blanks(value, argument.get_value_delimiter()));
        let argument = match (clean, argument.get_long()) {
            (Some(clean), Some(name)) if value != Some(&*clean) || clean.is_empty() => {
                // clap would take the value as it is. A flag overrides a variable; other rules are the same for both.
                if !clean.is_empty() && !is_given(&arguments, name) {
                    trimmed_variables.push(format!("--{name}={clean}").into());
                }
                argument.env(Resettable::Reset)
            }
            _ => argument,
        };
        // One line per option and no headings: the name of the value is the variable.
        if is_short_help {
            // clap allows it for flags with a value only.
            let has_value = argument.get_action().takes_values();
            argument.hide_env(true).hide_possible_values(has_value).help_heading(None::<&str>)
        } else {
            argument
        }
    });
    let after_program = arguments.len().min(1);
    arguments.splice(after_program..after_program, trimmed_variables);
    parse(command, arguments).map_err(|error| match error.kind() {
        // Help and version, and help in place of a missing subcommand.
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => Failure::Usage(one_line(&error)),
    })
}

/// The value of a variable without white space around it or, for a list, around each element. Empty elements are dropped.
fn without_blanks(value: &str, delimiter: Option<char>) -> String {
    let Some(delimiter) = delimiter else { return trimmed(value).to_owned() };
    let elements = value.split(delimiter).map(trimmed).filter(|element| !element.is_empty());
    elements.collect::<Vec<_>>().join(&delimiter.to_string())
}

fn is_given(arguments: &[OsString], name: &str) -> bool {
    let flags = arguments.iter().filter_map(|argument| argument.to_str()?.strip_prefix("--"));
    flags.map(|flag| flag.split('=').next()).any(|flag| flag == Some(name))
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
