//! A server as a process that can be killed.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use awc::http::Method;

use crate::Call;
use crate::evidence::{self, Sink};

/// How long a server may take until it listens, with migrations and on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Killed when dropped.
pub struct Program {
    pub address: SocketAddr,
    process: Child,
    log: Option<JoinHandle<String>>,
}

/// Below the ports that the system assigns. A client could have been assigned one of those by the time the server starts, and a
/// client that connects to its own port is connected to itself.
const PORTS: RangeInclusive<u16> = 20_000..=32_000;

/// An address of this machine on which no program listens, different at each call.
pub fn free_address() -> SocketAddr {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end() - PORTS.start());
    // Other processes may run tests at the same time.
    let first = process::id().wrapping_mul(997) % count;
    loop {
        let offset = (first + TRIED.fetch_add(1, Ordering::Relaxed)) % count;
        let port = PORTS.start() + u16::try_from(offset).expect("within the range");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // Connects instead of listening: programs that other threads start meanwhile would inherit the listener for a moment.
        if TcpStream::connect(address).is_err() {
            return address;
        }
    }
}

impl Program {
    /// Starts the program at `path` with only these variables, and waits until it responds. Both servers read `BIND_ADDR`.
    pub async fn start(path: &str, address: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let program = Self::spawn(path, address, variables);
        for _ in 0..PATIENCE.as_millis() / 20 {
            if TcpStream::connect(address).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // It listens before it migrates the database, and responds only after that.
        program.get("/healthz").send().await.assert_status(200);
        program
    }

    /// Starts it without waiting.
    pub fn spawn(path: &str, address: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("BIND_ADDR", address.to_string())
            .envs(variables.iter().copied())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program");
        let mut stderr = process.stderr.take().expect("its log");
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).expect("text");
            evidence::exposed(Sink::Log, log.as_bytes());
            log
        });
        for (name, value) in variables.iter().filter(|(name, _)| name.contains("SECRET")) {
            let file = name.ends_with("_FILE").then(|| fs::read_to_string(value).unwrap_or_default());
            file.as_deref().unwrap_or(value).trim().split(',').for_each(evidence::secret);
        }
        Self { address, process, log: Some(log) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, format!("{}{path}", self.url()))
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The resident memory, in bytes.
    pub fn resident_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Kills it and returns its log.
    pub fn kill(mut self) -> String {
        self.end().expect("a log")
    }

    fn end(&mut self) -> Option<String> {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.log.take().and_then(|log| log.join().ok())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}
