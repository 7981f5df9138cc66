//! `resource-server healthcheck`, as a container runs it beside the server.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use actix_web::rt::time::sleep;
use shared_claims::testing::ManualClock;
use test_support::{Certificate, Program, free_address};

use crate::issuer::Issuer;

const PATH: &str = env!("CARGO_BIN_EXE_resource-server");

/// A server that fetches keys from this issuer.
pub async fn start(issuer: &Issuer, variables: &[(&str, &str)]) -> Program {
    let variables = [&[("ISSUER", issuer.url.as_str())], variables].concat();
    Program::start(PATH, free_address(), &variables).await
}

/// Runs in its own thread, because the issuer responds on this one.
async fn healthcheck_of(program: &Program) -> Output {
    let address = program.address;
    actix_web::rt::task::spawn_blocking(move || healthcheck(address)).await.expect("a response")
}

fn healthcheck(bind_addr: SocketAddr) -> Output {
    // The check does not read secrets.
    let secret = ("JWT_ACCESS_SECRET_FILE", "/nonexistent");
    let mut program = Command::new(PATH);
    program.env_clear().env("BIND_ADDR", bind_addr.to_string()).envs([secret]);
    program.arg("healthcheck").output().expect("the program")
}

fn assert_unhealthy(output: &Output, reason: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("resource-server: ") && line.contains(reason), "{line}");
}

#[actix_web::test]
async fn a_server_is_unhealthy_until_it_has_keys() {
    let mut issuer = Issuer::not_started(&ManualClock::new());
    let program = start(&issuer, &[]).await;
    assert_unhealthy(&healthcheck_of(&program).await, "not ready: There are no keys of the auth server yet");

    issuer.start();
    let mut output = healthcheck_of(&program).await;
    for _ in 0..200 {
        if output.status.success() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
        output = healthcheck_of(&program).await;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\n");
}

#[actix_web::test]
async fn a_server_with_tls_is_checked_over_tls() {
    let certificate = Certificate::new();
    let files = certificate.variables();
    let variables: Vec<_> = files.iter().map(|(name, path)| (*name, path.as_str())).collect();
    let secret = ("JWT_ACCESS_SECRET", "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5");
    let program = Program::spawn(PATH, free_address(), &[&variables[..], &[secret]].concat());
    let mut command = Command::new(PATH);
    command.env_clear().env("BIND_ADDR", program.address.to_string()).envs(variables).arg("healthcheck");
    for _ in 0..200 {
        let output = command.output().expect("the program");
        if output.status.success() {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\n");
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{}", program.kill());
}

#[test]
fn without_a_server_the_check_fails() {
    let free = free_address();
    assert_unhealthy(&healthcheck(free), &format!("cannot connect to {free}"));
}
