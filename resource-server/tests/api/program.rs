//! The program itself, and its `--help`.

use std::process::{Command, Output};

use server_kit::settings::heading;

/// Runs the program with nothing but these variables, until it ends by itself.
pub fn run(variables: &[(&str, &str)], flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_resource-server"))
        .env_clear()
        .envs(variables.iter().copied())
        .args(flags)
        .output()
        .expect("the program")
}

fn help(flag: &str) -> String {
    let output = run(&[], &[flag]);
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn short_help_is_one_screen_with_the_settings_that_matter_and_two_examples() {
    let help = help("-h");
    assert!(help.starts_with("An API that accepts access tokens"), "{help}");
    assert!(help.lines().count() <= 40, "{} lines", help.lines().count());
    for name in [
        "BIND_ADDR",
        "TRUSTED_PROXIES",
        "ISSUER",
        "AUDIENCE",
        "ACCEPT_COOKIE",
        "ALLOWED_ORIGINS",
        "JWKS_URL",
        "REVOCATION_FEED_TOKEN",
        "REVOCATION_FEED_MAX_AGE",
        "METRICS_ADDR",
    ] {
        assert!(help.contains(&format!("<{name}>")), "{name}: {help}");
    }
    let (options, examples) = help.split_once("Examples:").expect("examples");
    let options = options.lines().filter(|line| line.starts_with("      --")).count();
    assert_eq!((options, examples.lines().filter(|line| line.ends_with(':')).count()), (10, 2), "{help}");
}

#[test]
fn long_help_begins_with_what_the_program_is_and_has_every_variable_under_a_heading() {
    let help = help("--help");
    assert!(help.starts_with("An API that accepts access tokens"), "{help}");
    for heading in
        [heading::NETWORK, heading::TOKENS, heading::COOKIES, heading::KEYS, heading::OBSERVABILITY]
    {
        assert!(help.contains(&format!("\n{heading}:\n")), "{heading}");
    }
    for name in [
        "BIND_ADDR",
        "TRUSTED_PROXIES",
        "WORKERS",
        "ISSUER",
        "AUDIENCE",
        "TOKEN_CACHE_SIZE",
        "ACCEPT_COOKIE",
        "ALLOWED_ORIGINS",
        "ALLOWED_HEADERS",
        "JWKS_URL",
        "ALLOW_HTTP_ISSUER",
        "REVOCATION_FEED_TOKEN",
        "REVOCATION_FEED_TOKEN_FILE",
        "REVOCATION_FEED_URL",
        "REVOCATION_FEED_MAX_AGE",
        "JWT_ACCESS_SECRET",
        "JWT_ACCESS_SECRET_FILE",
        "METRICS_ADDR",
        "LOG_FORMAT",
    ] {
        assert!(help.contains(&format!("[env: {name}")), "{name}");
    }
    assert!(help.contains("RUST_LOG"));
}

#[test]
fn wrong_usage_ends_with_status_2_and_a_suggestion() {
    for (arguments, line) in [
        (["healthchek"], "unrecognized subcommand 'healthchek'; a similar subcommand exists: 'healthcheck'"),
        (["--isuer=x"], "unexpected argument '--isuer' found; a similar argument exists: '--issuer'"),
        (["--log-format=jsn"], "a similar value exists: 'json'"),
    ] {
        let output = run(&[], &arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(line) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn the_program_prints_its_completions_and_its_manual() {
    let output = |flags: &[&str]| String::from_utf8(run(&[], flags).stdout).expect("text");
    assert!(output(&["completions", "fish"]).contains("revocation-feed-max-age"));
    assert!(output(&["man"]).contains(".SH SYNOPSIS\n.nf\n\\&resource\\-server [OPTIONS] [COMMAND]\n"));
    assert!(output(&["completions", "--help"]).contains("resource-server completions fish >~/.config/"));
}
