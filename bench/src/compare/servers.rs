//! The programs that are measured. They are those of the same build.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use test_support::{Program, free_address};

pub const REFRESH_SECRET: &str = "refresh-secret-of-the-bench-0123456789";
/// As quiet as the other stacks: warnings, and no line per request.
const LOG: (&str, &str) = ("RUST_LOG", "warn");
const PATIENCE: Duration = Duration::from_secs(30);
/// Clock ticks per second in /proc (`USER_HZ`), the same on all architectures.
const TICKS: f64 = 100.0;

/// A running server.
pub struct Server {
    program: Program,
    /// Its address and port.
    pub host: String,
}

impl Server {
    /// An auth server with the default settings, except for the limits of logins per address and user.
    pub fn auth(database: &str) -> Self {
        Self::auth_for(database, None)
    }

    /// An auth server with the issuer of another one, if given.
    pub fn auth_for(database: &str, issuer: Option<&str>) -> Self {
        let address = free_address();
        let own = format!("http://{address}");
        Self::start("auth-server", address, &auth_variables(database, issuer.unwrap_or(&own)))
    }

    /// The time from the start of an auth server until `GET /readyz` responds with 200. Stops the server.
    pub fn ready_time(database: &str) -> Duration {
        let address = free_address();
        let (issuer, path) = (format!("http://{address}"), programs().join("auth-server"));
        let (path, variables) = (path.to_str().expect("UTF-8"), auth_variables(database, &issuer));
        let started = Instant::now();
        let program = Program::spawn(path, address, &variables);
        while get(address, "/readyz") != Some(200) {
            sleep(Duration::from_millis(1));
            assert!(started.elapsed() < PATIENCE, "not ready");
        }
        let time = started.elapsed();
        drop(program);
        time
    }

    /// Waits until `GET /readyz` responds with 200.
    pub fn wait_until_ready(&self) {
        let started = Instant::now();
        while get(self.program.address, "/readyz") != Some(200) {
            sleep(Duration::from_millis(20));
            assert!(started.elapsed() < PATIENCE, "not ready");
        }
    }

    /// A resource server for tokens of an issuer that publishes its keys.
    pub fn resource(issuer: &str) -> Self {
        Self::start("resource-server", free_address(), &[LOG, ("ISSUER", issuer), ("JWKS_URL", issuer)])
    }

    /// A resource server for tokens of an auth server.
    pub fn resource_of(auth: &str) -> Self {
        Self::start("resource-server", free_address(), &[LOG, ("ISSUER", auth)])
    }

    /// The same server with one more route, `/open`, which has the JSON of `/protected` and requires no token.
    pub fn resource_with_open_route(issuer: &str) -> Self {
        Self::start("routes", free_address(), &[LOG, ("ISSUER", issuer), ("JWKS_URL", issuer)])
    }

    /// A route of actix with this JSON, without any middleware.
    pub fn bare() -> Self {
        Self::start("routes", free_address(), &[LOG, ("BARE", "true")])
    }

    fn start(name: &str, address: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let path = programs().join(name);
        let start = Program::start(path.to_str().expect("UTF-8"), address, variables);
        let program = System::new().block_on(start);
        Self { host: address.to_string(), program }
    }

    pub fn url(&self) -> String {
        self.program.url()
    }

    /// The CPU time that it has used.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.id())).expect("a process");
        // The name in brackets may contain spaces. utime and stime are the fields 14 and 15 (proc_pid_stat(5)).
        let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
        Duration::from_secs_f64(ticks / TICKS)
    }

    /// In MB.
    pub fn resident_memory(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
        let bytes = self.program.resident_memory() as f64;
        bytes / 1e6
    }
}

fn auth_variables<'a>(database: &'a str, issuer: &'a str) -> [(&'a str, &'a str); 7] {
    [
        LOG,
        ("DATABASE_URL", database),
        ("ISSUER", issuer),
        ("JWT_REFRESH_SECRET", REFRESH_SECRET),
        ("KEY_ENCRYPTION_SECRET", "key-secret-of-the-bench-0123456789abcd"),
        ("LOGIN_RATE_PER_IP", "1000000"),
        ("ACCOUNT_RATE_PER_USER", "1000000"),
    ]
}

/// The status of a GET; `None` without a response.
fn get(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

/// The folder of this program, and of those that it starts.
///
/// # Panics
/// If its path is unknown.
#[must_use]
pub fn programs() -> PathBuf {
    std::env::current_exe().expect("a path").parent().expect("a folder").to_owned()
}
