//! `resource-server healthcheck`, as a container runs it beside the server.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use actix_web::rt::time::sleep;
use shared_claims::testing::ManualClock;

use crate::issuer::Issuer;

/// Killed with the test.
pub struct Program {
    pub process: Child,
    pub address: SocketAddr,
}

impl Program {
    async fn start(issuer: &Issuer) -> Self {
        Self::start_with(issuer, &[], Stdio::null()).await
    }

    pub async fn start_with(issuer: &Issuer, variables: &[(&str, &str)], stderr: Stdio) -> Self {
        let address = free_address();
        let mut program = program(address);
        program.env("ISSUER", &issuer.url).envs(variables.iter().copied());
        let process = program.stderr(stderr).spawn().expect("a server");
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        Self { process, address }
    }

    /// In a thread of its own, so that the issuer, which lives in this one, can answer meanwhile.
    async fn healthcheck(&self) -> Output {
        let address = self.address;
        actix_web::rt::task::spawn_blocking(move || healthcheck(address)).await.expect("an answer")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn program(bind_addr: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resource-server"));
    command.env_clear().env("BIND_ADDR", bind_addr.to_string());
    command
}

fn healthcheck(bind_addr: SocketAddr) -> Output {
    // A secret that cannot be read is the server's affair, not that of the question.
    let secret = ("JWT_ACCESS_SECRET_FILE", "/nonexistent");
    program(bind_addr).envs([secret]).arg("healthcheck").output().expect("the program")
}

fn assert_unhealthy(output: &Output, reason: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("resource-server: ") && line.contains(reason), "{line}");
}

#[actix_web::test]
async fn a_server_is_unhealthy_until_it_has_keys_and_says_so() {
    let mut issuer = Issuer::not_started(&ManualClock::new());
    let program = Program::start(&issuer).await;
    assert_unhealthy(&program.healthcheck().await, "not ready: There are no keys of the auth server yet");

    issuer.start();
    let mut output = program.healthcheck().await;
    for _ in 0..200 {
        if output.status.success() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
        output = program.healthcheck().await;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\n");
}

#[test]
fn where_nothing_listens_nothing_is_healthy() {
    let free = free_address();
    assert_unhealthy(&healthcheck(free), &format!("nothing answers at {free}"));
}
