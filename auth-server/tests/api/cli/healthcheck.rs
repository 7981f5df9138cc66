//! `auth-server healthcheck`, as a container runs it.

use std::process::{Command, Output};

use test_support::{TestDatabase, free_address};

use crate::program;

/// Runs it with only the address set: no secrets and no database.
fn healthcheck(bind_addr: &str) -> Output {
    healthcheck_with(bind_addr, &[])
}

fn healthcheck_with(bind_addr: &str, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .env("BIND_ADDR", bind_addr)
        .arg("healthcheck")
        .args(flags)
        .output()
        .expect("the program")
}

fn assert_unhealthy(output: &Output, reason: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("auth-server: ") && line.contains(reason), "{line}");
}

#[actix_web::test]
async fn a_ready_server_is_healthy_at_any_bind_address() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    let any_address = format!("0.0.0.0:{}", program.address.port());
    for bind_addr in [program.address.to_string(), any_address] {
        let output = healthcheck(&bind_addr);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\n");
    }
}

#[actix_web::test]
async fn a_server_without_its_database_is_unhealthy_and_reports_why() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    database.db_execute("ALTER TABLE users RENAME TO gone");
    assert_unhealthy(&healthcheck(&program.address.to_string()), "not ready: database is unavailable");
}

#[test]
fn an_address_without_a_listener_is_unhealthy() {
    let free = free_address();
    assert_unhealthy(&healthcheck(&free.to_string()), &format!("cannot connect to {free}"));
}

#[actix_web::test]
async fn the_json_output_reports_both_outcomes() {
    let parse = |output: &Output| {
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str::<serde_json::Value>(&line).expect("JSON")
    };
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    let address = program.address.to_string();
    let ready = healthcheck_with(&address, &["--json"]);
    assert_eq!((parse(&ready), ready.status.code()), (serde_json::json!({"ready": true}), Some(0)));
    database.db_execute("ALTER TABLE users RENAME TO gone");
    let not_ready = healthcheck_with(&address, &["--json"]);
    let reason = "not ready: database is unavailable";
    assert_eq!(parse(&not_ready), serde_json::json!({"ready": false, "reason": reason}));
    assert_unhealthy(&not_ready, reason);
}
