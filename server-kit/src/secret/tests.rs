use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

use super::{check, list, read};

fn error(secret: &str) -> Option<String> {
    check(&[("JWT_REFRESH_SECRET", &SecretString::from(secret))]).err()
}

/// A path in a folder that other users cannot enter.
fn private_file() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("a mode");
    let file = folder.path().join("secret");
    (folder, file)
}

#[test]
fn random_secrets_are_accepted() {
    for secret in [
        "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5",
        "9f86d081884c7d659a2feaa0c55ad015",
        "60498137265514907326881540397265",
        "refresh-secret-of-the-tests-0123456789",
        "correct horse battery staple and more",
    ] {
        assert_eq!(error(secret), None, "{secret}");
    }
}

#[test]
fn secrets_that_are_easy_to_guess_are_rejected() {
    for secret in [
        "a".repeat(44),
        "ab".repeat(20),
        format!("{}b", "a".repeat(43)),
        "aaaaaaaabbbbbbbbccccccccdddddddd".to_owned(),
        "0123456789".repeat(4),
        "0123456789abcdef0123456789abcdef".to_owned(),
        "Yk8vN2x1cUZ0M3pKZ0h4U0".repeat(2),
        "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
        "zyxwvutsrqponmlkjihgfedcba9876543210".to_owned(),
    ] {
        let error = error(&secret).unwrap_or_default();
        assert!(error.contains("JWT_REFRESH_SECRET is easy to guess"), "{secret}: {error}");
        assert!(!error.contains(&secret), "{error}");
    }
    for secret in ["a-string-secret-at-least-256-bits-long", "YOUR-SECRET-0123456789-0123456789-01"] {
        assert!(error(secret).is_some_and(|error| error.contains("placeholder")), "{secret}");
    }
}

#[test]
fn white_space_line_ends_and_byte_order_marks_around_a_value_are_dropped() {
    let (_folder, file) = private_file();
    for text in ["secret", "secret\n", " secret\r\n\r\n", "\u{feff}secret\n", "\u{feff} \tsecret"] {
        let value = SecretString::from(text);
        let from_value = read("NAME", Some(&value), None).expect("a value").expect("set");
        std::fs::write(&file, text).expect("written");
        let from_file = read("NAME", None, Some(&file)).expect("a file").expect("set");
        assert_eq!([from_value.expose_secret(), from_file.expose_secret()], ["secret"; 2], "{text:?}");
    }
}

#[test]
fn an_empty_file_is_an_error_and_an_empty_value_is_not_set() {
    let (_folder, file) = private_file();
    for text in ["", "\n", " \r\n", "\u{feff}", "\u{feff}\r\n"] {
        assert!(read("NAME", Some(&text.into()), None).expect("no error").is_none(), "{text:?}");
        std::fs::write(&file, text).expect("written");
        for value in [None, Some(SecretString::from(text))] {
            let error = read("NAME", value.as_ref(), Some(&file)).expect_err("empty");
            assert!(error.starts_with("NAME_FILE: ") && error.ends_with(" is empty"), "{error}");
        }
    }
    std::fs::write(&file, b"\xff\xfes\0e\0c\0").expect("written");
    let error = read("NAME", None, Some(&file)).expect_err("UTF-16");
    assert!(error.starts_with("NAME_FILE: ") && error.ends_with(" is not text in UTF-8"), "{error}");
}

#[test]
fn a_list_without_secrets_is_an_error() {
    assert!(list("NAME", None).expect("not set").is_empty());
    let two = list("NAME", Some(&" one,\u{feff}\ntwo ,".into())).expect("two");
    assert_eq!(two.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["one", "two"]);
    assert!(list("NAME", Some(&" , ,\n".into())).expect_err("none").starts_with("NAME "));
}
