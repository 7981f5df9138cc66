//! A wrong setting stops the program with one line that names it.

use std::io::Write;

use resource_server::Settings;
use resource_server::settings::Secrets;
use test_support::{Program, free_address};

use crate::program::run;

const SECRET: &str = "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5";

fn assert_stops(variables: &[(&str, &str)], flags: &[&str], status: i32, name: &str, hint: &str) {
    let output = run(variables, flags);
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert!(line.contains(name) && line.contains(hint), "{line}");
    assert!(!line.contains(SECRET) && !line.contains("hunter2"), "a secret is printed: {line}");
}

fn assert_setting_stops(name: &str, value: &str, status: i32, hint: &str) {
    assert_stops(&[(name, value)], &[], status, name, hint);
    let flag = format!("--{}={value}", name.to_lowercase().replace('_', "-"));
    assert_stops(&[], &[&flag], status, name, hint);
}

fn secrets(flags: &[&str]) -> Result<Secrets, String> {
    Settings::from_flags([&["resource-server"], flags].concat()).expect("settings").secrets()
}

#[test]
fn an_invalid_value_is_wrong_usage_and_the_line_says_what_is_valid() {
    for (name, value, hint) in [
        ("BIND_ADDR", "localhost", "such as 127.0.0.1:8080"),
        ("BIND_ADDR", "127.0.0.1:99999", "such as 127.0.0.1:8080"),
        ("ISSUER", "auth.example.org", "such as https://auth.example.org"),
        ("ISSUER", "https://auth.example.org/path", "a path or query is not supported, because"),
        ("ISSUER", "https://auth.example.org/?x", "give https://auth.example.org and"),
        ("ISSUER", "https://user@auth.example.org", "such as https://auth.example.org"),
        ("ISSUER", "http://auth.example.org", "use https://"),
        ("JWKS_URL", "ftp://auth.example.org/keys", "such as https://"),
        ("JWKS_URL", "http://auth.example.org/keys", "use https://"),
        ("REVOCATION_FEED_URL", "http://auth.example.org/revocations", "use https://"),
        ("REVOCATION_FEED_MAX_AGE", "1s", "such as 30s"),
        ("AUDIENCE", "two words", "without spaces"),
        ("TOKEN_CACHE_SIZE", "16MB", "such as 16MiB"),
        ("TOKEN_CACHE_SIZE", "1KiB", "such as 16MiB"),
        ("TOKEN_CACHE_SIZE", "99999999999GiB", "such as 16MiB"),
        ("TOKEN_CACHE_SIZE", "-1", "such as 16MiB"),
        ("ALLOWED_ORIGINS", "*", "wildcards are not supported"),
        ("ALLOWED_ORIGINS", "https://*.example.org", "wildcards are not supported"),
        ("ALLOWED_ORIGINS", "null", "local files"),
        ("ALLOWED_ORIGINS", "https://app.example.org/path", "an origin has no path"),
        ("ALLOWED_ORIGINS", "https://app.example.org,app.example.org", "such as https://app.example.org"),
        ("ALLOWED_HEADERS", "X-Tenant,*", "wildcards are not supported"),
        ("ALLOWED_HEADERS", "X-Tenant:", "such as X-Tenant"),
        ("ALLOW_HTTP_ISSUER", "perhaps", "true, false"),
        ("ACCEPT_COOKIE", "perhaps", "true, false"),
        ("WORKERS", "0", "WORKERS"),
        ("METRICS_ADDR", "9464", "such as 127.0.0.1:8080"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "give 10.0.0.0/8 or 10.0.0.1"),
        ("TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1", "covers 0.0.0.0/0"),
        ("LOG_FORMAT", "xml", "text, json"),
        ("TLS_CERT_FILE", "cert.pem", "requires TLS_KEY_FILE"),
        ("TLS_KEY_FILE", "key.pem", "requires TLS_CERT_FILE"),
    ] {
        assert_setting_stops(name, value, 2, hint);
    }
}

#[test]
fn a_bad_secret_stops_the_start() {
    for (name, value, hint) in [
        ("JWT_ACCESS_SECRET", "hunter2", "32 bytes"),
        ("JWT_ACCESS_SECRET", "change-me-change-me-change-me-change-me", "placeholder"),
        ("JWT_ACCESS_SECRET", "abcabcabcabcabcabcabcabcabcabcabcabc", "easy to guess"),
        ("JWT_ACCESS_SECRET_FILE", "/nonexistent", "cannot read"),
        ("JWT_ACCESS_SECRET_FILE", "/dev/null", "is empty"),
        ("REVOCATION_FEED_TOKEN_FILE", "/dev/null", "is empty"),
        ("REVOCATION_FEED_TOKEN", "two tokens, each of them longer than the minimum", "Authorization"),
    ] {
        assert_setting_stops(name, value, 1, hint);
    }
    let both = [("JWT_ACCESS_SECRET", SECRET), ("REVOCATION_FEED_TOKEN", SECRET)];
    assert_stops(&both, &[], 1, "REVOCATION_FEED_TOKEN equals JWT_ACCESS_SECRET", "its own secret");
    let feed_without_token = [("REVOCATION_FEED_MAX_AGE", "30s")];
    assert_stops(&feed_without_token, &[], 1, "REVOCATION_FEED_TOKEN", "is not set");
}

#[test]
fn the_cache_has_a_size_in_bytes_or_with_a_unit() {
    let size = |flags: &[&str]| {
        Settings::from_flags([&["resource-server"], flags].concat()).expect("settings").token_cache_size
    };
    assert_eq!(size(&[]), 16 << 20);
    for (text, bytes) in
        [("0", 0), ("2097152", 2 << 20), ("1024KiB", 1 << 20), ("1MiB", 1 << 20), ("2GiB", 2 << 30)]
    {
        assert_eq!(size(&["--token-cache-size", text]), bytes, "{text}");
    }
}

#[test]
fn a_secret_can_be_in_a_file_but_not_in_both_places() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "{SECRET}").expect("a line");
    let path = file.path().to_str().expect("a path");
    let both = [("JWT_ACCESS_SECRET", SECRET), ("JWT_ACCESS_SECRET_FILE", path)];
    assert_stops(&both, &[], 2, "JWT_ACCESS_SECRET_FILE", "cannot be used with");
    assert!(secrets(&["--jwt-access-secret-file", path]).expect("a secret").access.is_some());
    let with_jwks = ["--jwt-access-secret-file", path, "--jwks-url", "https://auth.example.org/keys"];
    let error = secrets(&with_jwks).expect_err("two sources of keys");
    assert!(error.contains("JWKS_URL") && error.contains("JWT_ACCESS_SECRET"), "{error}");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let empty = [
        "BIND_ADDR",
        "ISSUER",
        "JWKS_URL",
        "AUDIENCE",
        "TOKEN_CACHE_SIZE",
        "ALLOWED_ORIGINS",
        "ALLOWED_HEADERS",
        "ALLOW_HTTP_ISSUER",
        "ACCEPT_COOKIE",
        "WORKERS",
        "JWT_ACCESS_SECRET",
        "JWT_ACCESS_SECRET_FILE",
        "REVOCATION_FEED_TOKEN",
        "REVOCATION_FEED_TOKEN_FILE",
        "METRICS_ADDR",
        "TRUSTED_PROXIES",
        "LOG_FORMAT",
    ]
    .map(|name| (name, ""));
    // An address of another machine, so that the program ends by itself.
    assert_stops(&empty, &["--bind-addr", "192.0.2.1:1"], 1, "BIND_ADDR", "cannot listen on 192.0.2.1:1");
}

#[test]
fn white_space_around_a_variable_is_dropped() {
    let variables = [
        ("BIND_ADDR", "192.0.2.1:1\r\n"),
        ("ACCEPT_COOKIE", " true"),
        ("AUDIENCE", "\u{feff}api"),
        ("WORKERS", "\n"),
    ];
    assert_stops(&variables, &[], 1, "BIND_ADDR", "cannot listen on 192.0.2.1:1");
    assert_stops(&[("REVOCATION_FEED_TOKEN", " short\n")], &[], 1, "REVOCATION_FEED_TOKEN", "32 bytes");
}

#[test]
fn plain_http_is_allowed_on_this_machine_and_elsewhere_only_with_a_flag() {
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
fn the_issuer_has_the_form_that_the_auth_server_writes_into_tokens() {
    let issuer =
        |text| Settings::from_flags(["resource-server", "--issuer", text]).expect("settings").issuer();
    assert_eq!(issuer("https://auth.example.org/"), "https://auth.example.org");
    assert_eq!(issuer("https://AUTH.example.org:443"), "https://auth.example.org");
}

#[test]
fn the_secret_is_never_printed() {
    let settings =
        Settings::from_flags(["resource-server", "--jwt-access-secret", SECRET]).expect("settings");
    assert!(!format!("{settings:?} {:?}", settings.secrets()).contains(SECRET));
    for flag in ["-h", "--help"] {
        let help = run(&[("JWT_ACCESS_SECRET", SECRET), ("REVOCATION_FEED_TOKEN", SECRET)], &[flag]);
        assert!(help.status.success());
        assert!(!String::from_utf8_lossy(&help.stdout).contains(SECRET));
    }
}

#[actix_web::test]
async fn a_proxy_that_is_not_used_is_warned_about() {
    let log = async |variables: &[(&str, &str)]| {
        Program::start(env!("CARGO_BIN_EXE_resource-server"), free_address(), variables).await.kill()
    };
    let (issuer, proxy) = (("ISSUER", "https://auth.invalid"), ("https_proxy", "http://proxy.invalid:3128"));
    let logged = log(&[issuer, proxy]).await;
    assert!(logged.contains("https_proxy is set and not used"), "{logged}");
    for variables in [&[issuer][..], &[proxy], &[issuer, ("https_proxy", "")]] {
        let logged = log(variables).await;
        assert!(!logged.contains("is set and not used"), "{logged}");
    }
}
