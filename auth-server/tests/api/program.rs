//! The program itself, as a process of its own.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::rt::time::sleep;
use e2e::{Call, TestDatabase};

use crate::app::{KEY_SECRET, REFRESH_SECRET};

/// Killed with the test, if it was not before.
pub struct Program {
    pub address: SocketAddr,
    process: Child,
    log: Option<JoinHandle<String>>,
}

impl Program {
    pub async fn start(database: &TestDatabase, variables: &[(&str, &str)]) -> Self {
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
        command
            .env_clear()
            .envs([("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)])
            .env("DATABASE_URL", &database.url)
            .env("BIND_ADDR", address.to_string())
            .envs(variables.iter().copied())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program");
        let mut stderr = process.stderr.take().expect("its log");
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).expect("text");
            log
        });
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let program = Self { address, process, log: Some(log) };
        // It listens before it has migrated the database; an answer comes only then.
        Call::new(awc::http::Method::GET, format!("http://{address}/healthz"))
            .send()
            .await
            .assert_status(200);
        program
    }

    pub fn post(&self, path: &str) -> Call {
        Call::new(awc::http::Method::POST, format!("http://{}{path}", self.address))
    }

    /// Kills it without warning, and returns what it logged.
    pub fn kill(mut self) -> String {
        self.end();
        self.log.take().expect("a log").join().expect("a log")
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}
