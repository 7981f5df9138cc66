//! An auth server and resource servers, each on a free port.

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use auth_server::AuthServer;
use chrono::TimeDelta;
use resource_server::ResourceServer;
use serde_json::json;
use shared_claims::Clock as _;
use shared_claims::testing::ManualClock;
use tempfile::TempDir;
use test_support::{Call, Response, TestDatabase, free_address};

pub const PASSWORD: &str = "correct horse battery staple";

/// The address of an auth server that may not run yet, its database, and its clock.
pub struct Stack {
    pub auth: String,
    pub clock: ManualClock,
    pub database: TestDatabase,
    /// Mails of [`Self::host_auth`].
    mails: TempDir,
    port: u16,
}

/// A server that can be stopped.
pub struct Running {
    pub url: String,
    handle: ServerHandle,
}

impl Stack {
    pub fn new() -> Self {
        // The issuer must be known before the server binds its port.
        let port = free_address().port();
        Self {
            auth: format!("http://127.0.0.1:{port}"),
            clock: ManualClock::new(),
            database: TestDatabase::fresh(),
            mails: TempDir::new().expect("a folder"),
            port,
        }
    }

    /// A stack whose auth server runs on any port, behind a proxy at this address.
    pub fn behind(issuer: String) -> Self {
        Self { auth: issuer, port: 0, ..Self::new() }
    }

    pub async fn start_auth(&self) -> Running {
        self.start_auth_with(&[]).await
    }

    pub async fn start_auth_with(&self, more: &[&str]) -> Running {
        self.build_auth(&self.auth_settings(more)).await.1
    }

    /// Starts it as the local stack does: pages of this machine may call it from any port. Also returns the code of a sign-in
    /// link for `host@example.org`.
    pub async fn host_auth(&self, more: &[&str]) -> (Running, String) {
        let mut settings = self.hosted_settings(more);
        settings.sign_in_link = true;
        let (code, server) = self.build_auth(&settings).await;
        (server, code.expect("a code"))
    }

    /// Starts the server of [`Self::host_auth`] after it was stopped. It may have another port.
    pub async fn host_auth_again(&self, more: &[&str]) -> Running {
        self.build_auth(&self.hosted_settings(more)).await.1
    }

    fn hosted_settings(&self, more: &[&str]) -> auth_server::Settings {
        let mut settings = self.auth_settings(&[&self.mail_flags(), more].concat());
        settings.allowed_origins = settings.allowed_origins.with_every_loopback();
        settings.mail.mailbox_page = true;
        settings
    }

    /// Users `user001@example.org` and so on, who have no password.
    pub fn db_add_users(&self, count: u32) {
        let at = self.clock.now().format("%Y-%m-%d %H:%M:%S%.f");
        let row = |number| {
            let email = format!("user{number:03}@example.org");
            format!(
                "('{number:08}-0000-4000-8000-000000000000', '{email}', 'User {number}', '', '[\"editor\"]', '{at}')"
            )
        };
        let rows: Vec<_> = (1..=count).map(row).collect();
        self.database.db_execute(&format!(
            "INSERT INTO users (id, email, name, password_hash, roles, created_at) VALUES {}",
            rows.join(", ")
        ));
    }

    /// The server writes its mails into a folder.
    pub fn mail_flags(&self) -> [&str; 6] {
        let folder = self.mails.path().to_str().expect("a path");
        ["--mail-transport", "file", "--mail-dir", folder, "--mail-from", "Demo <no-reply@localhost>"]
    }

    /// A notice in the outbox. Its text has characters that HTML and mails encode.
    pub fn db_enqueue_mail(&self, id: &str, recipient: &str, locale: &str) {
        let at = self.clock.now().format("%Y-%m-%d %H:%M:%S%.f").to_string();
        let until = (self.clock.now() + TimeDelta::hours(1)).format("%Y-%m-%d %H:%M:%S%.f");
        let data =
            json!({"when": "2026-11-27 14:30 UTC", "device": "Firefox <b>on</b> Linux", "ip": "203.0.113.7"});
        self.database.db_execute(&format!(
            "INSERT INTO mails (id, kind, recipient, requester, locale, data, created_at, due_at, expires_at) VALUES \
             ('{id}', 'new_device', '{recipient}', '', '{locale}', '{data}', '{at}', '{at}', '{until}')"
        ));
    }

    fn auth_settings(&self, more: &[&str]) -> auth_server::Settings {
        let (address, url) = (format!("127.0.0.1:{}", self.port), &self.database.url);
        let flags = [
            "auth-server",
            "--bind-addr",
            &address,
            "--issuer",
            &self.auth,
            "--database-url",
            url,
            "--workers",
            "1",
            "--jwt-refresh-secret",
            "refresh-secret-of-the-tests-0123456789",
            "--key-encryption-secret",
            "key-secret-of-the-tests-0123456789abcd",
            "--argon2-memory-kib",
            "8",
            "--argon2-iterations",
            "1",
        ];
        auth_server::Settings::from_flags([&flags, more].concat()).expect("settings")
    }

    async fn build_auth(&self, settings: &auth_server::Settings) -> (Option<String>, Running) {
        let clock = Arc::new(self.clock.clone());
        let server = AuthServer::build(settings, clock).await.expect("an auth server");
        let code = if settings.sign_in_link { Some(sign_in_code(&server).await) } else { None };
        let (url, handle) = (format!("http://{}", server.address()), server.handle());
        rt::spawn(server.run());
        (code, Running { url, handle })
    }

    pub fn start_api(&self) -> Running {
        self.start_api_with(&[])
    }

    pub fn start_api_with(&self, more: &[&str]) -> Running {
        self.run_api(&self.api_settings(more))
    }

    /// Starts it as the local stack does.
    pub fn host_api(&self, more: &[&str]) -> Running {
        let mut settings = self.api_settings(more);
        settings.allowed_origins = settings.allowed_origins.with_every_loopback();
        self.run_api(&settings)
    }

    fn api_settings(&self, more: &[&str]) -> resource_server::Settings {
        let flags =
            ["resource-server", "--bind-addr", "127.0.0.1:0", "--issuer", &self.auth, "--workers", "1"];
        resource_server::Settings::from_flags([&flags, more].concat()).expect("settings")
    }

    fn run_api(&self, settings: &resource_server::Settings) -> Running {
        let clock = Arc::new(self.clock.clone());
        let server = ResourceServer::build(settings, clock).expect("a resource server");
        let (url, handle) = (format!("http://{}", server.address()), server.handle());
        rt::spawn(server.run());
        Running { url, handle }
    }
}

impl Running {
    pub fn get(&self, path: &str) -> Call {
        Call::new(awc::http::Method::GET, format!("{}{path}", self.url))
    }

    pub fn post(&self, path: &str) -> Call {
        Call::new(awc::http::Method::POST, format!("{}{path}", self.url))
    }

    pub async fn register(&self, name: &str) -> Response {
        let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD, "name": name});
        self.post("/auth/register").json(&user).send().await.assert_status(201)
    }

    /// Waits until `/readyz` returns 200.
    pub async fn wait_until_ready(&self) {
        for _ in 0..200 {
            if self.get("/readyz").send().await.status == 200 {
                return;
            }
            rt::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} did not become ready", self.url);
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }

    /// Stops the server while the test keeps it.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }
}

async fn sign_in_code(server: &AuthServer) -> String {
    let email = "host@example.org";
    server.create_user(email, PASSWORD.into(), auth_server::Role::admin()).await.expect("a user");
    let code = server.sign_in_code(email).await.expect("a database").expect("a code");
    secrecy::ExposeSecret::expose_secret(&code).to_owned()
}

pub fn access_token(response: &Response) -> String {
    response.json()["access_token"].as_str().expect("an access token").to_owned()
}
