//! A wrong setting stops the program with one line that names it.

use std::io::Write;
use std::process::{Command, Output};

use resource_server::Settings;

const GOOD_SECRET: &str = "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5";

/// Runs the program, which is expected to end by itself.
fn run(variables: &[(&str, &str)], flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_resource-server"))
        .env_clear()
        .envs(variables.iter().copied())
        .args(flags)
        .output()
        .expect("the program")
}

fn assert_stopped(output: &Output, name: &str, right: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started, or said that all is well: {line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert!(line.contains(name) && line.contains(right), "{line}");
    assert!(!line.contains(GOOD_SECRET) && !line.contains("hunter2"), "a secret is printed: {line}");
}

#[test]
fn a_wrong_value_is_named_with_its_variable_and_what_would_be_right() {
    for (name, value, right) in [
        ("BIND_ADDR", "localhost", "such as 127.0.0.1:8081"),
        ("BIND_ADDR", "127.0.0.1:99999", "such as 127.0.0.1:8081"),
        ("ISSUER", "auth.example.org", "such as https://auth.example.org"),
        ("ISSUER", "https://auth.example.org/path", "without a path"),
        ("ISSUER", "https://user@auth.example.org", "such as https://auth.example.org"),
        ("ISSUER", "http://auth.example.org", "use https://"),
        ("JWKS_URL", "ftp://auth.example.org/keys", "such as https://"),
        ("JWKS_URL", "http://auth.example.org/keys", "use https://"),
        ("AUDIENCE", "two words", "without spaces"),
        ("ALLOWED_ORIGINS", "*", "such as https://app.example.org"),
        ("ALLOWED_ORIGINS", "null", "such as https://app.example.org"),
        ("ALLOWED_ORIGINS", "https://app.example.org/path", "without a path"),
        ("ALLOWED_ORIGINS", "https://app.example.org,app.example.org", "such as https://app.example.org"),
        ("ALLOW_HTTP_ISSUER", "perhaps", "true, false"),
        ("ACCEPT_COOKIE", "perhaps", "true, false"),
        ("WORKERS", "0", "WORKERS"),
        ("METRICS_ADDR", "9464", "such as 127.0.0.1:8081"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "give 10.0.0.0/8 or 10.0.0.1"),
        ("LOG_FORMAT", "xml", "text, json"),
        ("JWT_ACCESS_SECRET", "hunter2", "32 bytes"),
        ("JWT_ACCESS_SECRET", "change-me-change-me-change-me-change-me", "example's value"),
        ("JWT_ACCESS_SECRET_FILE", "/nonexistent", "give a file"),
        ("JWT_ACCESS_SECRET_FILE", "/dev/null", "is empty"),
    ] {
        assert_stopped(&run(&[(name, value)], &[]), name, right);
        let flag = format!("--{}={value}", name.to_lowercase().replace('_', "-"));
        assert_stopped(&run(&[], &[&flag]), name, right);
    }
}

#[test]
fn a_secret_may_come_from_a_file_but_not_from_both_places() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "{GOOD_SECRET}").expect("a line");
    let path = file.path().to_str().expect("a path");
    let both = [("JWT_ACCESS_SECRET", GOOD_SECRET), ("JWT_ACCESS_SECRET_FILE", path)];
    assert_stopped(&run(&both, &[]), "JWT_ACCESS_SECRET_FILE", "cannot be used with");
    let flags = ["resource-server", "--jwt-access-secret-file", path];
    assert!(Settings::from_flags(flags).is_ok());
    let with_jwks = flags.into_iter().chain(["--jwks-url", "https://auth.example.org/keys"]);
    let refusal = Settings::from_flags(with_jwks).expect_err("two sources of keys");
    assert!(refusal.contains("JWKS_URL") && refusal.contains("JWT_ACCESS_SECRET"), "{refusal}");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let empty = [
        "BIND_ADDR",
        "ISSUER",
        "JWKS_URL",
        "AUDIENCE",
        "ALLOWED_ORIGINS",
        "ALLOW_HTTP_ISSUER",
        "ACCEPT_COOKIE",
        "WORKERS",
        "JWT_ACCESS_SECRET",
        "JWT_ACCESS_SECRET_FILE",
        "METRICS_ADDR",
        "TRUSTED_PROXIES",
        "LOG_FORMAT",
    ]
    .map(|name| (name, ""));
    // The last word stops it, so that it need not be killed.
    let output = run(&empty, &["--bind-addr", "192.0.2.1:1"]);
    assert_stopped(&output_without_log(output), "BIND_ADDR", "cannot listen on 192.0.2.1:1");
}

#[test]
fn http_is_fine_on_this_machine_and_elsewhere_only_if_asked_for() {
    let with = |flags: &[&str]| Settings::from_flags(["resource-server"].iter().chain(flags)).is_ok();
    for issuer in
        ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "https://auth.example.org"]
    {
        assert!(with(&["--issuer", issuer]), "{issuer}");
    }
    for issuer in [
        "http://auth.internal",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
    ] {
        assert!(!with(&["--issuer", issuer]), "{issuer}");
        assert!(with(&["--issuer", issuer, "--allow-http-issuer"]), "{issuer}");
    }
}

#[test]
fn the_issuer_is_written_as_the_auth_server_writes_it() {
    let issuer = |text| Settings::from_flags(["resource-server", "--issuer", text]).expect("settings").issuer;
    assert_eq!(issuer("https://auth.example.org/"), "https://auth.example.org");
    assert_eq!(issuer("https://AUTH.example.org:443"), "https://auth.example.org");
}

#[test]
fn the_secret_is_never_printed() {
    let settings =
        Settings::from_flags(["resource-server", "--jwt-access-secret", GOOD_SECRET]).expect("settings");
    assert!(!format!("{settings:?}").contains(GOOD_SECRET));
    let help = run(&[("JWT_ACCESS_SECRET", GOOD_SECRET)], &["--help"]);
    assert!(help.status.success());
    assert!(!String::from_utf8_lossy(&help.stdout).contains(GOOD_SECRET));
}

#[test]
fn help_names_every_variable() {
    let help = run(&[], &["--help"]).stdout;
    let help = String::from_utf8_lossy(&help);
    for name in [
        "BIND_ADDR",
        "WORKERS",
        "ISSUER",
        "JWKS_URL",
        "AUDIENCE",
        "ALLOWED_ORIGINS",
        "ALLOW_HTTP_ISSUER",
        "ACCEPT_COOKIE",
        "JWT_ACCESS_SECRET",
        "JWT_ACCESS_SECRET_FILE",
        "METRICS_ADDR",
        "TRUSTED_PROXIES",
        "LOG_FORMAT",
        "RUST_LOG",
    ] {
        assert!(help.contains(name), "{name}");
    }
}

/// Leaves the line that the program itself ends with.
fn output_without_log(mut output: Output) -> Output {
    let last =
        String::from_utf8_lossy(&output.stderr).trim_end().lines().last().unwrap_or_default().to_owned();
    output.stderr = last.into_bytes();
    output
}
