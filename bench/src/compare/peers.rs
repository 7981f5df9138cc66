//! The apps of bench/peers, and both servers beside them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use test_support::{TestDatabase, free_address};

use super::protected::ready;
use super::refresh::sessions;
use super::report::Stack;
use super::servers::Server;
use super::{Lab, Side};
use crate::load::{Traffic, get};

const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/run.sh");
const CONNECTIONS: usize = 32;

/// Stopped when dropped, with all of its workers.
struct Peer {
    process: Child,
    host: String,
}

/// What is sent to a stack.
struct Target {
    name: &'static str,
    refresh_host: String,
    protected_host: String,
    refreshes: Traffic,
    protected: Traffic,
    refresh_rates: Vec<f64>,
    protected_rates: Vec<f64>,
}

pub fn measure(lab: &mut Lab) {
    let database = TestDatabase::on_postgres(lab.options.postgres.clone());
    let auth = Server::auth(&database.url);
    let api = ready(Server::resource_of(&auth.url()));
    let peers = ["flask", "fastapi", "express"].map(|name| Peer::start(name, &lab.options.postgres));
    let mut targets = vec![Target::new("Latchkey", &auth.host, &api.host)];
    let names = ["Flask, Flask-JWT-Extended, gunicorn", "FastAPI, PyJWT, uvicorn", "Express, jsonwebtoken"];
    targets
        .extend(names.into_iter().zip(&peers).map(|(name, peer)| Target::new(name, &peer.host, &peer.host)));
    for _ in 0..lab.options.rounds {
        for target in &mut targets {
            let refreshes = lab.load(&target.refresh_host, &target.refreshes, CONNECTIONS);
            target.refresh_rates.push(refreshes.per_second());
            let protected = lab.load(&target.protected_host, &target.protected, CONNECTIONS);
            target.protected_rates.push(protected.per_second());
        }
    }
    lab.report.stacks = targets.into_iter().map(Target::result).collect();
}

impl Peer {
    /// Starts it, which may install it first, and waits until it responds.
    fn start(name: &str, postgres: &str) -> Self {
        let address = free_address();
        let mut process = Command::new(RUN)
            .args([name, &address.port().to_string(), postgres])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect(RUN);
        let output = process.stdout.take().expect("a pipe");
        let peer = Self { process, host: address.to_string() };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), "ready", "{name} does not start");
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The script stops its workers after SIGTERM. `Child::kill` sends SIGKILL.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

impl Target {
    fn new(name: &'static str, auth: &str, api: &str) -> Self {
        let tokens = sessions(auth, CONNECTIONS);
        let protected = vec![get(api, "/protected", Some(&tokens[0].access))];
        let refreshes = tokens.into_iter().map(|session| session.refresh).collect();
        Self {
            name,
            refresh_host: auth.to_owned(),
            protected_host: api.to_owned(),
            refreshes: Traffic::refreshes(auth, refreshes),
            protected: Traffic::prepared(protected),
            refresh_rates: Vec::new(),
            protected_rates: Vec::new(),
        }
    }

    fn result(self) -> Stack {
        let refreshes = Side::new("refreshes", "/s", self.refresh_rates);
        let protected = Side::new("protected calls", "/s", self.protected_rates);
        Stack { name: self.name, refreshes, protected }
    }
}
