use std::process::Command;

use auth_server::Settings;
use secrecy::ExposeSecret;
use server_kit::settings::heading;
use test_support::TestDatabase;

use crate::app::{KEY_SECRET, REFRESH_SECRET};
use crate::program;

/// Starts the program with only these variables beside the required ones, and returns its error.
fn error(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    command.env_clear().env("JWT_REFRESH_SECRET", REFRESH_SECRET).env("KEY_ENCRYPTION_SECRET", KEY_SECRET);
    // This fails last, if everything else is valid.
    command.env("DATABASE_URL", "sqlite:///dev/null/latchkey.db").env("BIND_ADDR", "127.0.0.1:0");
    let output = command.envs(variables.iter().copied()).output().expect("the program");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code(), text)
}

#[test]
fn an_invalid_setting_exits_with_status_2_and_one_line_that_names_it() {
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[("BIND_ADDR", "nowhere")], "BIND_ADDR"),
        (&[("ISSUER", "auth.example.org")], "ISSUER"),
        (&[("ISSUER", "https://auth.example.org/path")], "a path or query is not supported, because"),
        (&[("ISSUER", "http://auth.example.org")], "ISSUER"),
        (&[("ALLOWED_ORIGINS", "https://app.example.org/path")], "ALLOWED_ORIGINS"),
        (&[("ALLOWED_ORIGINS", "*")], "wildcards are not supported"),
        (&[("ALLOWED_ORIGINS", "https://*.example.org")], "wildcards are not supported"),
        (&[("ALLOWED_HEADERS", "X-Tenant,*")], "ALLOWED_HEADERS"),
        (&[("DEMO_API_URL", "capacitor://localhost")], "DEMO_API_URL"),
        (&[("ALLOWED_ORIGINS", "null")], "ALLOWED_ORIGINS"),
        (&[("ACCESS_TOKEN_TTL", "15")], "ACCESS_TOKEN_TTL"),
        (&[("ACCESS_TOKEN_TTL", "0s")], "ACCESS_TOKEN_TTL"),
        (&[("ACCESS_TOKEN_TTL", "15ms")], "ACCESS_TOKEN_TTL"),
        (&[("REFRESH_IDLE_TTL", "7ms")], "REFRESH_IDLE_TTL"),
        (&[("SESSION_MAX_TTL", "30d 1ms")], "SESSION_MAX_TTL"),
        (&[("SIGNING_KEY_ROTATION", "59m")], "SIGNING_KEY_ROTATION"),
        (&[("SIGNING_KEY_ROTATION", "1h"), ("ACCESS_TOKEN_TTL", "2h")], "SIGNING_KEY_ROTATION"),
        (&[("SESSION_MAX_TTL", "1d")], "SESSION_MAX_TTL"),
        (&[("ACCESS_TOKEN_TTL", "25h")], "ACCESS_TOKEN_TTL"),
        (&[("ACCESS_TOKEN_TTL", "3650d")], "must be at most 24h"),
        (&[("REFRESH_REUSE_GRACE", "6d")], "REFRESH_REUSE_GRACE"),
        (&[("SESSION_MAX_TTL", "401d")], "SESSION_MAX_TTL"),
        (&[("REFRESH_IDLE_TTL", "401d"), ("SESSION_MAX_TTL", "400d")], "must be at most 400d"),
        (&[("EVENT_RETENTION", "23h")], "EVENT_RETENTION"),
        (&[("SIGNING_KEY_ROTATION", "367d")], "SIGNING_KEY_ROTATION"),
        (&[("COOKIE_SECURE", "false"), ("ISSUER", "https://auth.example.org")], "COOKIE_SECURE"),
        (&[("TLS_CERT_FILE", "cert.pem")], "TLS_CERT_FILE requires TLS_KEY_FILE"),
        (&[("TLS_KEY_FILE", "key.pem")], "TLS_KEY_FILE requires TLS_CERT_FILE"),
        (
            &[("TLS_CERT_FILE", "cert.pem"), ("TLS_KEY_FILE", "key.pem")],
            "ISSUER is an http:// URL: use https://",
        ),
        (&[("REGISTRATION", "maybe")], "REGISTRATION"),
        (&[("AUDIENCES", "a b")], "AUDIENCES"),
        (&[("JWT_ACCESS_ALGORITHM", "none")], "JWT_ACCESS_ALGORITHM"),
        (&[("COOKIE_SECURE", "perhaps")], "COOKIE_SECURE"),
        (&[("COOKIE_SAMESITE", "none"), ("COOKIE_SECURE", "false")], "COOKIE_SAMESITE"),
        (&[("ARGON2_MEMORY_KIB", "0")], "ARGON2_MEMORY_KIB"),
        (&[("LOGIN_RATE_PER_IP", "0")], "LOGIN_RATE_PER_IP"),
        (&[("ACCOUNT_RATE_PER_USER", "0")], "ACCOUNT_RATE_PER_USER"),
        (&[("WORKERS", "0")], "WORKERS"),
        (&[("DATABASE_POOL_SIZE", "0")], "DATABASE_POOL_SIZE"),
        (&[("DATABASE_POOL_SIZE", "1001")], "DATABASE_POOL_SIZE"),
        (&[("WORKERS", "513")], "WORKERS"),
        (&[("JWT_REFRESH_SECRET_FILE", "/tmp/x")], "JWT_REFRESH_SECRET_FILE"),
        (&[("METRICS_ADDR", "9464")], "METRICS_ADDR"),
        (&[("TRUSTED_PROXIES", "proxy.example.org")], "TRUSTED_PROXIES"),
        (&[("TRUSTED_PROXIES", "127.0.0.1,0.0.0.0/0")], "TRUSTED_PROXIES"),
        (&[("TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1")], "TRUSTED_PROXIES covers 0.0.0.0/0"),
        (&[("TRUSTED_PROXIES", "::/1, 8000::/1")], "TRUSTED_PROXIES covers ::/0"),
        (&[("TRUSTED_PROXIES", "1.0.0.0/8,3.0.0.0/8")], "TRUSTED_PROXIES covers 1.0.0.0/8"),
        (&[("LOG_FORMAT", "xml")], "LOG_FORMAT"),
    ];
    for (variables, name) in table {
        let (status, text) = error(variables);
        assert!(status == Some(2) && text.contains(name), "{variables:?}: {text}");
    }
}

#[test]
fn an_invalid_secret_prevents_startup_with_one_line_that_names_it_without_its_value() {
    let long = "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5".to_owned();
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[("KEY_ENCRYPTION_SECRET_PREVIOUS", "short")], "KEY_ENCRYPTION_SECRET_PREVIOUS"),
        (&[("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)], "KEY_ENCRYPTION_SECRET_PREVIOUS"),
        (&[("DATABASE_URL", "mysql://x")], "DATABASE_URL"),
        (&[("DATABASE_URL", "postgres://ann:100%sure@db/x")], "DATABASE_URL"),
        (&[("JWT_ACCESS_ALGORITHM", "HS256")], "JWT_ACCESS_SECRET"),
        (&[("JWT_ACCESS_SECRET", &long)], "JWT_ACCESS_SECRET"),
        (&[("FLASK_SECURITY_PASSWORD_SALT_FILE", "/dev/null/salt")], "FLASK_SECURITY_PASSWORD_SALT_FILE"),
        (&[("JWT_REFRESH_SECRET", "")], "JWT_REFRESH_SECRET"),
        (&[("JWT_REFRESH_SECRET", "short")], "JWT_REFRESH_SECRET"),
        (&[("JWT_REFRESH_SECRET", "change-me-change-me-change-me-change-me")], "JWT_REFRESH_SECRET"),
        (&[("JWT_REFRESH_SECRET", &"x".repeat(40))], "JWT_REFRESH_SECRET is easy to guess"),
        (&[("REVOCATION_FEED_TOKEN", &"abc".repeat(20))], "REVOCATION_FEED_TOKEN is easy to guess"),
        (&[("REVOCATION_FEED_TOKEN", " , ")], "REVOCATION_FEED_TOKEN"),
        (&[("KEY_ENCRYPTION_SECRET", REFRESH_SECRET)], "KEY_ENCRYPTION_SECRET"),
        (&[("JWT_REFRESH_SECRETS_ACCEPTED", REFRESH_SECRET)], "JWT_REFRESH_SECRETS_ACCEPTED"),
        (&[("KEY_ENCRYPTION_SECRET", ""), ("KEY_ENCRYPTION_SECRET_FILE", "")], "KEY_ENCRYPTION_SECRET"),
        (&[("JWT_REFRESH_SECRET", ""), ("JWT_REFRESH_SECRET_FILE", "/dev/null")], "JWT_REFRESH_SECRET_FILE"),
        (&[("DATABASE_URL", ""), ("DATABASE_URL_FILE", "/dev/null")], "DATABASE_URL_FILE"),
        (&[("REVOCATION_FEED_TOKEN_FILE", "/dev/null")], "REVOCATION_FEED_TOKEN_FILE"),
    ];
    for (variables, name) in table {
        let (status, text) = error(variables);
        assert!(status == Some(1) && text.contains(name), "{variables:?}: {text}");
        assert!(!text.contains(REFRESH_SECRET) && !text.contains(&long), "a secret is printed: {text}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let (_, text) = error(&[("WORKERS", ""), ("ALLOWED_ORIGINS", ""), ("JWT_REFRESH_SECRET_FILE", "")]);
    assert!(text.contains("cannot open SQLite"), "{text}");
}

#[test]
fn white_space_around_a_variable_is_dropped() {
    let refresh = format!("\u{feff}{REFRESH_SECRET}\r\n");
    let (_, text) = error(&[
        ("BIND_ADDR", " 127.0.0.1:0\n"),
        ("ISSUER", "https://auth.example.org\r\n"),
        ("COOKIE_SAMESITE", "lax "),
        ("WORKERS", " 1"),
        ("AUDIENCES", "api, admin,\n"),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,"),
        ("REVOCATION_FEED_TOKEN_FILE", " "),
        ("JWT_REFRESH_SECRET", &refresh),
    ]);
    assert!(text.contains("cannot open SQLite"), "{text}");
    let (_, text) = error(&[("JWT_REFRESH_SECRETS_ACCEPTED", &refresh)]);
    assert!(text.contains("JWT_REFRESH_SECRETS_ACCEPTED equals JWT_REFRESH_SECRET"), "{text}");
    let (status, text) = error(&[("DATABASE_URL", " sqlite://x"), ("DATABASE_URL_FILE", "/x\n")]);
    assert!(status == Some(2) && text.contains("cannot be used with"), "{text}");
}

#[cfg(unix)]
#[test]
fn files_that_every_user_can_read_prevent_startup() {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::TempDir::new().unwrap();
    let (secret, database) = (folder.path().join("secret"), folder.path().join("latchkey.db"));
    let log = folder.path().join("latchkey.db-wal");
    let url = format!("sqlite://{}", database.display());
    write(&secret, "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5").unwrap();
    write(&database, "").unwrap();
    write(&log, "").unwrap();
    set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    for (file, name, variable) in [
        (&secret, "REVOCATION_FEED_TOKEN_FILE", secret.to_str().unwrap()),
        (&database, "DATABASE_URL", url.as_str()),
        (&log, "DATABASE_URL", url.as_str()),
    ] {
        set_permissions(file, Permissions::from_mode(0o644)).unwrap();
        let (status, text) = error(&[(name, variable)]);
        assert!(status == Some(1) && text.contains(&format!("{name}: every user")), "{text}");
        assert!(text.contains(&format!("chmod 600 {}", file.display())), "{text}");
        set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_port_in_use_is_reported_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, text) = error(&[("BIND_ADDR", &address)]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("BIND_ADDR") && text.contains(&address), "{text}");
}

#[test]
fn a_database_that_cannot_be_opened_is_reported_in_one_line() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let url = format!("sqlite://{}/db", file.display());
    let (_, text) = error(&[("DATABASE_URL", &url), ("BIND_ADDR", "127.0.0.1:0")]);
    assert!(text.contains("cannot open SQLite"), "{text}");
}

#[test]
fn a_secret_can_be_in_a_file_but_not_set_twice() {
    let secret_file = tempfile::NamedTempFile::new().unwrap();
    let file = secret_file.path();
    std::fs::write(file, format!("{REFRESH_SECRET}\n")).unwrap();
    let path = file.to_str().unwrap();
    let flags = ["auth-server", "--key-encryption-secret", KEY_SECRET, "--jwt-refresh-secret-file", path];

    let secrets = Settings::from_flags(flags).unwrap().secrets().unwrap();
    assert_eq!(secrets.refresh.expose_secret(), REFRESH_SECRET);

    let both = flags.iter().copied().chain(["--jwt-refresh-secret", REFRESH_SECRET]);
    let error = Settings::from_flags(both).unwrap_err();
    assert!(error.contains("JWT_REFRESH_SECRET_FILE"), "{error}");

    std::fs::write(file, "short").unwrap();
    let with_salt =
        ["auth-server", "--key-encryption-secret", KEY_SECRET, "--jwt-refresh-secret", REFRESH_SECRET]
            .into_iter()
            .chain(["--flask-security-password-salt-file", path]);
    let salt = Settings::from_flags(with_salt).unwrap().secrets().unwrap().flask_security_password_salt;
    assert!(salt.is_some_and(|salt| salt.expose_secret() == "short"));
    assert!(Settings::from_flags(flags).unwrap().secrets().is_err());
    std::fs::remove_file(file).unwrap();
    assert!(Settings::from_flags(flags).unwrap().secrets().unwrap_err().contains("JWT_REFRESH_SECRET_FILE"));
}

#[actix_web::test]
async fn insecure_settings_are_logged_at_startup() {
    const WARNINGS: [&str; 3] = [
        "JWT_ACCESS_ALGORITHM=HS256",
        "COOKIE_SECURE=false",
        "ALLOWED_ORIGINS: http://app.example.net is another site",
    ];
    let log = async |scheme: &str, variables: &[(&str, &str)]| {
        let issuer = ("ISSUER", &*format!("{scheme}://auth.example.org"));
        program::start(&TestDatabase::fresh(), &[&[issuer], variables].concat()).await.kill()
    };
    let risky = [
        ("JWT_ACCESS_ALGORITHM", "HS256"),
        ("JWT_ACCESS_SECRET", "access-secret-of-the-tests-0123456789ab"),
        ("COOKIE_SECURE", "false"),
        ("ALLOWED_ORIGINS", "http://app.example.org,http://app.example.net"),
    ];
    let logged = log("http", &risky).await;
    assert_eq!(WARNINGS.map(|warning| logged.contains(warning)), [true; 3], "{logged}");
    assert!(!logged.contains("http://app.example.org is another site"), "{logged}");
    let logged = log("https", &[("ALLOWED_ORIGINS", "https://app.example.org")]).await;
    assert_eq!(WARNINGS.map(|warning| logged.contains(warning)), [false; 3], "{logged}");
}

#[test]
fn short_help_is_one_screen_with_the_settings_that_matter_and_two_examples() {
    let help = help("-h");
    assert!(help.starts_with("Registers users, checks passwords"), "{help}");
    assert!(help.lines().count() <= 42, "{} lines", help.lines().count());
    for name in [
        "DATABASE_URL",
        "BIND_ADDR",
        "TRUSTED_PROXIES",
        "ISSUER",
        "AUDIENCES",
        "ALLOWED_ORIGINS",
        "REGISTRATION",
        "JWT_REFRESH_SECRET",
        "KEY_ENCRYPTION_SECRET",
        "REVOCATION_FEED_TOKEN",
        "MAIL_TRANSPORT",
    ] {
        assert!(help.contains(&format!("<{name}>")), "{name}: {help}");
    }
    let (options, examples) = help.split_once("Examples:").unwrap();
    let options = options.lines().filter(|line| line.starts_with("      --")).count();
    assert_eq!((options, examples.lines().filter(|line| line.ends_with(':')).count()), (11, 2), "{help}");
}

#[test]
fn long_help_describes_the_program_and_has_every_variable_under_a_heading() {
    let help = help("--help");
    assert!(help.starts_with("Registers users, checks passwords"), "{help}");
    for heading in [
        heading::DATABASE,
        heading::NETWORK,
        heading::TOKENS,
        heading::COOKIES,
        heading::PASSWORDS,
        heading::KEYS,
        heading::OBSERVABILITY,
    ] {
        assert!(help.contains(&format!("\n{heading}:\n")), "{heading}");
    }
    for name in [
        "DATABASE_URL",
        "BIND_ADDR",
        "ISSUER",
        "AUDIENCES",
        "CLIENT_ID",
        "ALLOWED_ORIGINS",
        "ALLOWED_HEADERS",
        "REGISTRATION",
        "ACCESS_TOKEN_TTL",
        "REFRESH_IDLE_TTL",
        "SESSION_MAX_TTL",
        "REFRESH_REUSE_GRACE",
        "JWT_REFRESH_SECRET",
        "JWT_REFRESH_SECRETS_ACCEPTED",
        "KEY_ENCRYPTION_SECRET",
        "JWT_ACCESS_ALGORITHM",
        "JWT_ACCESS_SECRET",
        "JWT_ACCESS_SECRETS_ACCEPTED",
        "COOKIE_SECURE",
        "COOKIE_SAMESITE",
        "ARGON2_MEMORY_KIB",
        "ARGON2_ITERATIONS",
        "ARGON2_PARALLELISM",
        "SIGNING_KEY_ROTATION",
        "EVENT_RETENTION",
        "KEY_ENCRYPTION_SECRET_PREVIOUS",
        "REVOCATION_FEED_TOKEN",
        "DEMO_API_URL",
        "FLASK_SECURITY_PASSWORD_SALT",
        "LOGIN_RATE_PER_IP",
        "ACCOUNT_RATE_PER_USER",
        "METRICS_ADDR",
        "TRUSTED_PROXIES",
        "LOG_FORMAT",
        "WORKERS",
    ] {
        assert!(help.contains(&format!("[env: {name}")), "{name}");
    }
    assert!(help.contains("RUST_LOG"));
}

#[test]
fn wrong_usage_exits_with_status_2_and_a_suggestion() {
    for (arguments, line) in [
        (&["usres"][..], "unrecognized subcommand 'usres'; a similar subcommand exists: 'users'"),
        (&["users", "shw"], "unrecognized subcommand 'shw'; a similar subcommand exists: 'show'"),
        (&["--isuer=x"], "unexpected argument '--isuer' found; a similar argument exists: '--issuer'"),
        (&["--registration=opn"], "a similar value exists: 'open'"),
        (&["users", "show"], "required arguments were not provided: <"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_auth-server")).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(line) && error.lines().count() == 1, "{error}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_auth-server")).arg("users").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: auth-server users"), "{output:?}");
}

fn help(flag: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_auth-server")).env_clear().arg(flag).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}
