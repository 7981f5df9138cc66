//! A running auth server, and calls that users make.

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use auth_server::{AuthServer, Settings};
use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;

use test_support::{Call, Response, TestDatabase, evidence};
pub use test_support::{claims, token_header as header};

pub const ISSUER: &str = "http://localhost:8080";
pub const PASSWORD: &str = "correct horse battery staple";
pub const REFRESH_SECRET: &str = "refresh-secret-of-the-tests-0123456789";
pub const KEY_SECRET: &str = "key-secret-of-the-tests-0123456789abcd";

/// A server on a free port, with its own database and a clock that only tests advance.
pub struct TestApp {
    pub database: Arc<TestDatabase>,
    pub clock: ManualClock,
    pub url: String,
    /// Set if the server was started with `--metrics-addr`.
    pub metrics_url: Option<String>,
    flags: Vec<String>,
    handle: ServerHandle,
}

/// What a user holds after logging in.
#[derive(Clone, Debug)]
pub struct Session {
    pub access_token: String,
    pub refresh_token: String,
    pub rotation: u64,
    pub user_id: String,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts with additional settings, as flags.
    pub async fn with(flags: &[&str]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self::launch(Arc::new(TestDatabase::fresh()), ManualClock::new(), flags).await.expect("a server")
    }

    /// Starts another server beside this one, on the same database.
    pub async fn another(&self) -> Self {
        Self::launch(Arc::clone(&self.database), self.clock.clone(), self.flags.clone())
            .await
            .expect("a server")
    }

    /// Starts another server on the same database with other settings, or returns the startup error.
    pub async fn another_with(&self, flags: &[&str]) -> Result<Self, String> {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self::launch(Arc::clone(&self.database), self.clock.clone(), flags).await
    }

    /// Stops the server and starts it again on the same database.
    pub async fn restart(self) -> Self {
        self.handle.stop(false).await;
        self.another().await
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }

    pub async fn launch(
        database: Arc<TestDatabase>,
        clock: ManualClock,
        flags: Vec<String>,
    ) -> Result<Self, String> {
        [REFRESH_SECRET, KEY_SECRET].into_iter().for_each(evidence::secret);
        let settings = settings(&database, &flags)?;
        Self::launch_with(&settings, database, clock, flags).await
    }

    /// With settings that are not flags. A further server on this database has only the flags.
    pub async fn launch_with(
        settings: &Settings,
        database: Arc<TestDatabase>,
        clock: ManualClock,
        flags: Vec<String>,
    ) -> Result<Self, String> {
        let server = AuthServer::build(settings, Arc::new(clock.clone())).await?;
        let (url, handle) = (format!("http://{}", server.address()), server.handle());
        let metrics_url = server.metrics_address().map(|address| format!("http://{address}"));
        rt::spawn(server.run());
        Ok(Self { database, clock, url, metrics_url, flags, handle })
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, format!("{}{path}", self.url))
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// Changes a user as an administrator.
    pub async fn change_user(&self, by: &Session, id: &str, change: &Value) -> Response {
        let path = format!("/admin/users/{id}");
        self.call(Method::PATCH, &path).cookie(&by.refresh_token).json(change).send().await
    }

    /// The body of a successful GET in this session.
    pub async fn get_json(&self, by: &Session, path: &str) -> Value {
        self.get(path).cookie(&by.refresh_token).send().await.assert_status(200).json()
    }

    /// Registers `NAME@example.org`.
    pub async fn register(&self, name: &str) -> Session {
        let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        Session::of(&self.post("/auth/register").json(&user).send().await.assert_status(201))
    }

    /// Registers an administrator. The role is set by SQL, because no call can create the first one.
    pub async fn db_administrator(&self, name: &str) -> Session {
        let session = self.register(name).await;
        let id = &session.user_id;
        self.database.db_execute(&format!(r#"UPDATE users SET roles = '["admin"]' WHERE id = '{id}'"#));
        session
    }

    /// Copies the user's newest session `count` times, each last used a second before the one before it.
    pub fn db_copy_session(&self, session: &Session, count: u32) {
        let user = &session.user_id;
        let (id, second) = if self.database.is_postgres() {
            ("gen_random_uuid()::text", "rotated_at - number * INTERVAL '1 second'")
        } else {
            (
                "lower(printf('%s-%s-4%s-a%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2), \
                 substr(hex(randomblob(2)), 2), hex(randomblob(6))))",
                "strftime('%Y-%m-%d %H:%M:%S', rotated_at, '-' || number || ' seconds')",
            )
        };
        self.database.db_execute(&format!(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}) \
             INSERT INTO sessions (id, user_id, client_id, generation, secret_hash, rotated_at, delivery, remember, auth_time, \
             created_at, idle_expires_at, expires_at) \
             SELECT {id}, user_id, client_id, generation, secret_hash, {second}, delivery, remember, auth_time, created_at, \
             idle_expires_at, expires_at FROM numbers, \
             (SELECT * FROM sessions WHERE user_id = '{user}' ORDER BY rotated_at DESC LIMIT 1) AS session"
        ));
    }

    /// Records `count` events of the user, with an address, one a second.
    pub fn db_add_events(&self, session: &Session, count: u32) {
        let user = &session.user_id;
        let at = if self.database.is_postgres() {
            "TIMESTAMP '2029-12-01 00:00:00' + number * INTERVAL '1 second'"
        } else {
            "strftime('%Y-%m-%d %H:%M:%S', '2029-12-01 00:00:00', number || ' seconds')"
        };
        self.database.db_execute(&format!(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}) \
             INSERT INTO events (at, type, user_id, ip, user_agent, details) \
             SELECT {at}, 'names_changed', '{user}', '192.0.2.1', 'curl', '{{\"x\":1}}' FROM numbers"
        ));
    }

    pub async fn log_in(&self, name: &str) -> Session {
        Session::of(&self.try_login(name, &json!({})).await.assert_status(200))
    }

    /// Logs in with additional or different members in the body.
    pub async fn try_login(&self, name: &str, members: &Value) -> Response {
        let mut body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let more = members.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        self.post("/auth/login").json(&body).send().await
    }

    /// Refreshes with a token in the cookie.
    pub async fn refresh(&self, token: &str) -> Response {
        self.post("/auth/refresh").cookie(token).send().await
    }

    pub async fn refresh_with_key(&self, token: &str, key: &str) -> Response {
        self.post("/auth/refresh").cookie(token).header("Idempotency-Key", key).send().await
    }

    /// Reads the user of a session, which does not spend the token.
    pub async fn me(&self, token: &str) -> Response {
        self.get("/auth/me").cookie(token).send().await
    }
}

impl Session {
    /// From the response to a login, a registration or a refresh, by cookie.
    pub fn of(response: &Response) -> Self {
        let body = response.json();
        Self {
            access_token: body["access_token"].as_str().expect("an access token").to_owned(),
            refresh_token: response.refresh_cookie().expect("a refresh cookie"),
            rotation: body["rotation"].as_u64().expect("a rotation"),
            user_id: body["user"]["id"].as_str().expect("a user").to_owned(),
        }
    }
}

/// Settings for tests: a cheap hash, one worker, and a rate limit that tests do not reach.
pub fn settings(database: &TestDatabase, more: &[String]) -> Result<Settings, String> {
    let mut flags = vec!["auth-server".to_owned()];
    let mut default = |name: &str, value: &str| {
        if !more.iter().any(|flag| flag == name) {
            flags.extend([name.to_owned(), value.to_owned()]);
        }
    };
    default("--database-url", &database.url);
    default("--bind-addr", "127.0.0.1:0");
    default("--workers", "1");
    default("--jwt-refresh-secret", REFRESH_SECRET);
    default("--key-encryption-secret", KEY_SECRET);
    default("--argon2-memory-kib", "8");
    default("--argon2-iterations", "1");
    default("--login-rate-per-ip", "1000");
    default("--account-rate-per-user", "1000");
    flags.extend(more.iter().cloned());
    Settings::from_flags(flags)
}

/// The types of a session's events in the security log.
pub fn security_log(session: &Session) -> Vec<String> {
    let claims = claims(&session.refresh_token);
    let lines = test_support::security_log(claims["sid"].as_str().expect("a session"));
    lines.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
}
