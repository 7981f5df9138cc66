use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle, available_parallelism};

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use auth_server::{AuthServer, Settings};
use awc::http::Method;
use serde_json::json;
use shared_claims::SystemClock;
use test_support::{Call, Response, TestDatabase};

/// The password of all users.
pub const PASSWORD: &str = "correct horse battery staple";

/// An auth server with the default settings, on a free port of the loopback and a new database.
///
/// It runs on its own threads, so a busy client takes processor time from it, like a second process, but does not block its
/// event loops. Stops when dropped.
pub struct BenchServer {
    url: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    database: Arc<TestDatabase>,
}

impl BenchServer {
    /// Starts it on a new SQLite database, and returns when it listens.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::on(TestDatabase::on_sqlite())
    }

    /// Starts it on an existing database.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn on(database: TestDatabase) -> Self {
        Self::with(Arc::new(database), &[])
    }

    /// The same with further settings, as flags.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn with(database: Arc<TestDatabase>, flags: &[&str]) -> Self {
        let settings = settings(&database.url, flags).expect("settings");
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let server = AuthServer::build(&settings, Arc::new(SystemClock)).await.expect("a server");
                sender.send((server.address(), server.handle())).expect("a receiver");
                server.run().await.expect("a listener");
            });
        });
        let (address, handle) = receiver.recv().expect("a server");
        Self { url: format!("http://{address}"), handle, thread: Some(thread), database }
    }

    /// The URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Clears the throttle, for benchmarks that send many wrong passwords for one user.
    pub fn forget_failures(&self) {
        self.database.db_execute("DELETE FROM password_failures");
    }

    /// A POST on the client's connections.
    pub fn post(&self, client: &awc::Client, path: &str) -> Call {
        Call::through(client, Method::POST, format!("{}{path}", self.url))
    }

    /// Registers a user.
    ///
    /// # Panics
    /// If the server rejects the request.
    pub async fn register(&self, client: &awc::Client, email: &str) -> Response {
        let user = json!({"email": email, "password": PASSWORD});
        self.post(client, "/auth/register").json(&user).send().await.assert_status(201)
    }
}

impl Drop for BenchServer {
    fn drop(&mut self) {
        // Creating the future sends the command; only the end of the thread must be awaited.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The number of cores, which is also the number of hashes that the server computes at a time.
#[must_use]
pub fn available_cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The default settings, argon2's above all, but without a rate limit. `more`: further flags.
///
/// # Errors
/// If the settings have become invalid.
pub fn settings(database_url: &str, more: &[&str]) -> Result<Settings, String> {
    let flags = [
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
        "--account-rate-per-user",
        "1000000",
    ];
    Settings::from_flags([&flags[..], more].concat())
}
