//! `docs/settings.md` is generated from the command lines of both servers.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use server_kit::logging::DEFAULT_FILTER;

const INTRODUCTION: &str = "\
# Settings

Every setting is an environment variable and a flag of the same name: `BIND_ADDR` is `--bind-addr`. A flag overrides the variable. An
empty variable counts as not set. White space, line ends and a byte order mark around a value are dropped.

Secrets can be read from a file, by the variable that ends in `_FILE`. An empty file is an error. A secret must have at least 32 random
bytes and differ from the others: `openssl rand -base64 32`. Files with secrets, and an SQLite database, must not be accessible to all users
of the machine: `chmod 600`. If such a file belongs to another user or is mounted read-only, as in containers, the server only warns.

Durations have a unit: `10s`, `15m`, `1h`, `30d`. Lists are separated by commas.

Both servers also read `RUST_LOG`, the filter of log lines in the syntax of env_logger. Its default is `{DEFAULT_FILTER}`.

A wrong setting stops the start with one line that names it. The exit status is 2 for flags and variables, and 1 for everything else, such
as an unreadable file or a port in use.

<!-- Generated from the code: WRITE_DOCS=1 cargo test -p local-stack settings_md -->
";

#[test]
fn docs_settings_md_is_what_the_code_says() {
    let mut text = INTRODUCTION.replace("{DEFAULT_FILTER}", DEFAULT_FILTER);
    server(&mut text, &auth_server::CommandLine::command());
    server(&mut text, &resource_server::CommandLine::command());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&file, &text).expect("docs/settings.md can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == text,
        "docs/settings.md is out of date: WRITE_DOCS=1 cargo test -p local-stack settings_md"
    );
}

#[test]
fn check_knows_every_setting_that_only_the_resource_server_has() {
    let names = |command: Command| -> Vec<String> { command.get_arguments().filter_map(variable).collect() };
    let of_auth_server = names(auth_server::CommandLine::command());
    for name in names(resource_server::CommandLine::command()) {
        let is_shared = of_auth_server.contains(&name);
        let warnings = auth_server::cli::misspelt_variables(std::slice::from_ref(&name));
        let is_known = warnings.iter().any(|warning| warning.contains("is a setting of resource-server"));
        assert_eq!(is_known, !is_shared, "{name}: {warnings:?}");
    }
}

fn server(text: &mut String, command: &Command) {
    let _ = write!(text, "\n## {}\n\n{}.\n", command.get_name(), command.get_about().expect("an about"));
    let settings: Vec<&Arg> =
        command.get_arguments().filter(|argument| variable(argument).is_some()).collect();
    let mut heading = None;
    for setting in &settings {
        let name = variable(setting).expect("a variable");
        // The file of a secret is described with the secret.
        let is_variable =
            |wanted: &str| settings.iter().any(|other| variable(other).as_deref() == Some(wanted));
        if name.strip_suffix("_FILE").is_some_and(is_variable) {
            continue;
        }
        if heading != setting.get_help_heading() {
            heading = setting.get_help_heading();
            let heading = heading.expect("a heading");
            let _ = write!(text, "\n### {heading}\n\n| variable | default | meaning |\n|---|---|---|\n");
        }
        let file = format!("{name}_FILE");
        let names = if is_variable(&file) { format!("`{name}`<br>`{file}`") } else { format!("`{name}`") };
        let (meaning, default) = described(setting);
        let _ = writeln!(text, "| {names} | {default} | {meaning} |");
    }
}

fn variable(argument: &Arg) -> Option<String> {
    argument.get_env().map(|name| name.to_str().expect("text").to_owned())
}

/// The help and the default. Where the default is no value of the setting, the help has it in brackets.
fn described(setting: &Arg) -> (String, String) {
    let short = setting.get_help().expect("help").to_string();
    let values: Vec<_> = setting.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let (summary, default) = match short.split_once(" [default: ") {
        Some((summary, default)) => (summary, default.trim_end_matches(']').to_owned()),
        None if values.iter().all(|value| value.is_empty()) => (short.as_str(), String::new()),
        None => (short.as_str(), format!("`{}`", values.join(","))),
    };
    let mut meaning = format!("{summary}.");
    let long = setting.get_long_help().map(ToString::to_string).unwrap_or_default();
    if let Some((_, details)) = long.split_once("\n\n") {
        let _ = write!(meaning, " {}", details.replace('\n', " "));
    }
    let takes_boolean = setting.get_default_values().iter().any(|value| value == "true" || value == "false");
    for value in setting.get_possible_values().iter().filter(|_| !takes_boolean) {
        let help = value.get_help().expect("help of a value").to_string();
        let _ = write!(meaning, "<br>`{}`: {}", value.get_name(), help.replace('|', "\\|"));
    }
    (meaning, default)
}
