use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle, available_parallelism};

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use auth_server::{AuthServer, Settings};
use awc::http::Method;
use serde_json::json;
use shared_claims::SystemClock;
use test_support::{Call, Response, TestDatabase};

/// Of everybody who registers.
pub const PASSWORD: &str = "correct horse battery staple";

/// An auth server as it is delivered, on a free port of the loopback and a fresh SQLite database.
///
/// It has threads of its own, so a client that is busy takes processor time from it, as in a second process, but
/// never holds up its event loops. Stops when dropped.
pub struct BenchServer {
    url: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    database: TestDatabase,
}

impl BenchServer {
    /// Starts it, and returns once it listens.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::on(TestDatabase::on_sqlite())
    }

    /// Starts it on a database that is there already.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn on(database: TestDatabase) -> Self {
        let settings = settings(&database.url).expect("settings");
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let server = AuthServer::build(&settings, Arc::new(SystemClock)).await.expect("a server");
                tell.send((server.address(), server.handle())).expect("somebody who waits for it");
                server.run().await.expect("a listener");
            });
        });
        let (address, handle) = told.recv().expect("a server");
        Self { url: format!("http://{address}"), handle, thread: Some(thread), database }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it keeps everything in.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// For benches that are wrong about one password more often than a server bears.
    pub fn forget_failures(&self) {
        self.database.db_execute("DELETE FROM password_failures");
    }

    /// A POST on a connection that the client keeps.
    pub fn post(&self, client: &awc::Client, path: &str) -> Call {
        Call::through(client, Method::POST, format!("{}{path}", self.url))
    }

    /// Registers somebody.
    ///
    /// # Panics
    /// The server refuses.
    pub async fn register(&self, client: &awc::Client, email: &str) -> Response {
        let person = json!({"email": email, "password": PASSWORD});
        self.post(client, "/auth/register").json(&person).send().await.assert_status(201)
    }
}

impl Drop for BenchServer {
    fn drop(&mut self) {
        // The command is on its way as soon as the future is made; the thread's end is what has to be awaited.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Cores that the server will use, for as many hashes at once.
#[must_use]
pub fn available_cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The defaults, argon2's above all; but one address may try as often as it likes.
///
/// # Errors
/// Never, unless the settings' rules have changed.
pub fn settings(database_url: &str) -> Result<Settings, String> {
    Settings::from_flags([
        "auth-server",
        "--database-url",
        database_url,
        "--bind-addr",
        "127.0.0.1:0",
        "--jwt-refresh-secret",
        "refresh-secret-of-the-bench-0123456789",
        "--key-encryption-secret",
        "key-secret-of-the-bench-0123456789abcd",
        "--login-rate-per-ip",
        "1000000",
    ])
}
