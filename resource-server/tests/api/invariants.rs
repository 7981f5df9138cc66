//! What this server must never depend on.

use std::process::Command;

/// Every crate and feature of the program, without those of tests.
fn dependencies() -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "resource-server",
            "--edges",
            "normal,features",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn it_has_no_database_no_passwords_and_cannot_sign() {
    let dependencies = dependencies();
    assert!(dependencies.contains("shared-claims feature \"actix\""), "the list is as expected");
    for forbidden in ["diesel", "argon2", "auth-server", "shared-claims feature \"testing\""] {
        let found = dependencies.lines().find(|line| line.starts_with(forbidden));
        assert_eq!(found, None, "{forbidden}");
    }
}
