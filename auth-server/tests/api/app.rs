//! A running auth server, and people who use it.

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use auth_server::{AuthServer, Settings};
use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;

use test_support::{Answer, Call, TestDatabase, evidence};

pub const ISSUER: &str = "http://localhost:8080";
pub const PASSWORD: &str = "correct horse battery staple";
pub const REFRESH_SECRET: &str = "refresh-secret-of-the-tests-0123456789";
pub const KEY_SECRET: &str = "key-secret-of-the-tests-0123456789abcd";

/// A server on a free port, with a database of its own and a clock that stands still.
pub struct TestApp {
    pub database: Arc<TestDatabase>,
    pub clock: ManualClock,
    pub url: String,
    /// With `--metrics-addr`.
    pub metrics_url: Option<String>,
    flags: Vec<String>,
    handle: ServerHandle,
}

/// What somebody holds after logging in.
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

    /// With more settings, as flags.
    pub async fn with(flags: &[&str]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self::launch(Arc::new(TestDatabase::fresh()), ManualClock::new(), flags).await.expect("a server")
    }

    /// Another server on the same database, at the same time.
    pub async fn another(&self) -> Self {
        Self::launch(Arc::clone(&self.database), self.clock.clone(), self.flags.clone())
            .await
            .expect("a server")
    }

    /// Another server on the same database, with other settings; or why it does not start.
    pub async fn another_with(&self, flags: &[&str]) -> Result<Self, String> {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self::launch(Arc::clone(&self.database), self.clock.clone(), flags).await
    }

    /// Stops the server and starts it again on what is stored.
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

    /// Changes somebody as an administrator.
    pub async fn change_person(&self, by: &Session, id: &str, change: &Value) -> Answer {
        let path = format!("/admin/users/{id}");
        self.call(Method::PATCH, &path).cookie(&by.refresh_token).json(change).send().await
    }

    /// What an administrator sees at this path.
    pub async fn see(&self, by: &Session, path: &str) -> Value {
        self.get(path).cookie(&by.refresh_token).send().await.assert_status(200).json()
    }

    /// Registers somebody by their first name.
    pub async fn register(&self, name: &str) -> Session {
        let person = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        Session::of(&self.post("/auth/register").json(&person).send().await.assert_status(201))
    }

    /// Somebody who may call `/admin`: the first can be made by nobody who calls it.
    pub async fn db_administrator(&self, name: &str) -> Session {
        let session = self.register(name).await;
        let id = &session.user_id;
        self.database.db_execute(&format!(r#"UPDATE users SET roles = '["admin"]' WHERE id = '{id}'"#));
        session
    }

    pub async fn log_in(&self, name: &str) -> Session {
        Session::of(&self.try_login(name, &json!({})).await.assert_status(200))
    }

    /// With more members, or others.
    pub async fn try_login(&self, name: &str, members: &Value) -> Answer {
        let mut body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let more = members.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        self.post("/auth/login").json(&body).send().await
    }

    /// Spends a refresh token that came in a cookie.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.post("/auth/refresh").cookie(token).send().await
    }

    pub async fn refresh_with_key(&self, token: &str, key: &str) -> Answer {
        self.post("/auth/refresh").cookie(token).header("Idempotency-Key", key).send().await
    }

    /// Whether the session still lives, asked without spending its token.
    pub async fn me(&self, token: &str) -> Answer {
        self.get("/auth/me").cookie(token).send().await
    }
}

impl Session {
    /// From the answer to a login, a registration or a refresh, by cookie.
    pub fn of(answer: &Answer) -> Self {
        let body = answer.json();
        Self {
            access_token: body["access_token"].as_str().expect("an access token").to_owned(),
            refresh_token: answer.refresh_cookie().expect("a refresh cookie"),
            rotation: body["rotation"].as_u64().expect("a rotation"),
            user_id: body["user"]["id"].as_str().expect("a person").to_owned(),
        }
    }
}

/// Settings for tests: a cheap hash, one worker, no limit to attempts that a test could meet.
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
    flags.extend(more.iter().cloned());
    Settings::from_flags(flags)
}

/// The names of the events in the security log about a session.
pub fn security_log(session: &Session) -> Vec<String> {
    let claims = claims(&session.refresh_token);
    let lines = test_support::security_log(claims["sid"].as_str().expect("a session"));
    lines.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
}

/// The first part of a token.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// The middle part of a token.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, number: usize) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(number).expect("a token");
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
