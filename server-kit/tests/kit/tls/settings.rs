use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use shared_claims::Clock as _;
use shared_claims::testing::ManualClock;
use tempfile::TempDir;

use super::server::{Pair, load, settings, settings_of};

fn error_of(pair: &Pair) -> String {
    let folder = TempDir::new().expect("a folder");
    pair.write(folder.path());
    let error = load(&settings_of(folder.path())).expect_err("an error");
    let secret = pair.key.lines().nth(1).unwrap_or("nothing");
    assert!(!error.contains(secret) && error.lines().count() == 1, "{error}");
    error
}

#[test]
fn a_valid_pair_is_accepted_with_its_chain() {
    let folder = TempDir::new().expect("a folder");
    let mut pair = Pair::new();
    pair.certificate.push_str(&Pair::new().certificate);
    pair.write(folder.path());
    assert!(load(&settings_of(folder.path())).is_ok());
    let expiry = settings_of(folder.path()).expiry(ManualClock::new().now()).expect("a certificate");
    assert_eq!(expiry.map(|expiry| expiry.to_string()).as_deref(), Some("4096-01-01 00:00:00 UTC"));
}

#[test]
fn one_setting_requires_the_other() {
    let folder = TempDir::new().expect("a folder");
    let of = |flag| load(&settings(&[(flag, folder.path())])).expect_err("an error");
    assert_eq!(of("tls-cert-file"), "TLS_CERT_FILE requires TLS_KEY_FILE");
    assert_eq!(of("tls-key-file"), "TLS_KEY_FILE requires TLS_CERT_FILE");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let good = Pair::new();
    let with = |certificate: &str, key: &str| {
        error_of(&Pair { certificate: certificate.to_owned(), key: key.to_owned() })
    };
    for (error, start, reason) in [
        (with("", &good.key), "TLS_CERT_FILE: ", "contains no certificate in PEM"),
        (with(&good.key, &good.key), "TLS_CERT_FILE: ", "contains no certificate in PEM"),
        (with(&good.certificate[..200], &good.key), "TLS_CERT_FILE: ", "is not valid PEM"),
        (with(&good.certificate, ""), "TLS_KEY_FILE: ", "contains no private key in PEM"),
        (with(&good.certificate, &good.certificate), "TLS_KEY_FILE: ", "contains no private key in PEM"),
        (
            with(&good.certificate, &good.key.replace("PRIVATE", "ENCRYPTED PRIVATE")),
            "TLS_KEY_FILE: ",
            "or one with a password",
        ),
        (
            with(&good.certificate, &Pair::new().key),
            "TLS_KEY_FILE: ",
            "does not belong to the first certificate",
        ),
        (error_of(&Pair::expiring_in(2001)), "TLS_CERT_FILE: ", "expired at 2001-01-01 00:00:00 UTC"),
    ] {
        assert!(error.starts_with(start) && error.contains(reason), "{error}");
    }
    let folder = TempDir::new().expect("a folder");
    let missing = load(&settings_of(folder.path())).expect_err("an error");
    assert!(
        missing.starts_with("TLS_CERT_FILE: cannot read") && missing.contains("No such file"),
        "{missing}"
    );
}

#[test]
fn other_users_must_not_be_able_to_read_the_key() {
    let folder = TempDir::new().expect("a folder");
    Pair::new().write(folder.path());
    let mode = |path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    mode(folder.path(), 0o755);
    mode(&folder.path().join("key.pem"), 0o644);
    let error = load(&settings_of(folder.path())).expect_err("an error");
    assert!(error.starts_with("TLS_KEY_FILE: every user of this machine can read"), "{error}");
}
