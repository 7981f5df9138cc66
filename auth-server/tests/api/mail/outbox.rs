//! A server that sends mails, and rows of its outbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use awc::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared_claims::Clock as _;
use shared_claims::testing::ManualClock;
use tempfile::TempDir;
use test_support::{Call, SmtpServer, SmtpTls, TestDatabase};
use uuid::Uuid;

use crate::app::{self, TestApp};

/// How long tests wait. Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An auth server, and the folder of its files.
pub struct MailApp {
    pub app: TestApp,
    pub folder: TempDir,
}

/// The flags for a mail server, with its certificate in `folder`.
pub fn smtp_flags(server: &SmtpServer, tls: SmtpTls, folder: &TempDir) -> Vec<String> {
    flags(server.address.port(), tls, &server.certificate, folder)
}

/// `authorities`: certificates in PEM, which become a file in `folder`.
fn flags(port: u16, tls: SmtpTls, authorities: &str, folder: &TempDir) -> Vec<String> {
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, authorities).expect("a file");
    let tls = match tls {
        SmtpTls::None => "none",
        SmtpTls::StartTls => "starttls",
        SmtpTls::Implicit => "tls",
    };
    [
        ["--mail-transport", "smtp"],
        ["--mail-from", "Example <no-reply@example.org>"],
        ["--smtp-host", "localhost"],
        ["--smtp-port", &port.to_string()],
        ["--smtp-tls", tls],
        ["--smtp-ca-file", &file.display().to_string()],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect()
}

impl MailApp {
    /// Sends to this server, with STARTTLS and these further flags.
    pub async fn start(server: &SmtpServer, more: &[&str]) -> Self {
        Self::with_tls(server, SmtpTls::StartTls, more).await
    }

    pub async fn with_tls(server: &SmtpServer, tls: SmtpTls, more: &[&str]) -> Self {
        Self::at(server.address.port(), tls, &server.certificate, more).await
    }

    /// Sends to a mail server on this port, which has a certificate of these authorities.
    pub async fn at(port: u16, tls: SmtpTls, authorities: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut flags = flags(port, tls, authorities, &folder);
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        let database = Arc::new(TestDatabase::fresh());
        let app = TestApp::launch(database, ManualClock::new(), flags).await.expect("a server");
        Self { app, folder }
    }

    /// With another limit than 30 seconds for one delivery.
    pub async fn with_time_limit(server: &SmtpServer, limit: Duration) -> Self {
        let folder = TempDir::new().expect("a folder");
        let flags = smtp_flags(server, SmtpTls::StartTls, &folder);
        let database = Arc::new(TestDatabase::fresh());
        let mut settings = app::settings(&database, &flags).expect("settings");
        settings.mail.smtp_time_limit = Some(limit);
        let app =
            TestApp::launch_with(&settings, database, ManualClock::new(), flags).await.expect("a server");
        Self { app, folder }
    }

    /// A notice that waits to be sent. Returns its id.
    pub fn db_enqueue(&self, recipient: &str) -> String {
        self.db_enqueue_kind("password_changed", recipient, "en", TimeDelta::hours(48))
    }

    pub fn db_enqueue_kind(&self, kind: &str, recipient: &str, locale: &str, life: TimeDelta) -> String {
        db_enqueue(&self.app.database, kind, recipient, locale, self.app.clock.now(), life)
    }

    /// A column of a mail, `-` for NULL.
    pub fn db_column(&self, id: &str, column: &str) -> String {
        let sql =
            format!("SELECT COALESCE(CAST({column} AS TEXT), '-') AS value FROM mails WHERE id = '{id}'");
        self.app.database.db_text(&sql)
    }

    pub fn db_count(&self, condition: &str) -> usize {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM mails WHERE {condition}");
        self.app.database.db_text(&sql).parse().expect("a number")
    }

    /// Waits until this many mails fulfil the condition.
    pub async fn db_wait(&self, condition: &str, count: usize) {
        let started = Instant::now();
        while self.db_count(condition) != count {
            let rows = "SELECT COALESCE(outcome, '-') || ' ' || attempts AS value FROM mails";
            assert!(started.elapsed() < PATIENCE, "{condition}: {:?}", self.app.database.db_texts(rows));
            sleep(Duration::from_millis(30)).await;
        }
    }

    /// The part `mail` of `/readyz`.
    pub async fn readiness(&self) -> Value {
        self.app.get("/readyz").send().await.assert_status(200).json()["mail"].clone()
    }

    /// Of a server with `--metrics-addr`.
    pub async fn metrics(&self) -> String {
        let url = self.app.metrics_url.as_ref().expect("metrics");
        Call::new(Method::GET, format!("{url}/metrics")).send().await.assert_status(200).text()
    }

    pub async fn wait_for_state(&self, state: &str) {
        let started = Instant::now();
        while self.readiness().await["state"] != json!(state) {
            assert!(started.elapsed() < PATIENCE, "{}", self.readiness().await);
            sleep(Duration::from_millis(30)).await;
        }
    }
}

/// Inserts a mail without a link.
pub fn db_enqueue(
    database: &TestDatabase,
    kind: &str,
    recipient: &str,
    locale: &str,
    now: DateTime<Utc>,
    life: TimeDelta,
) -> String {
    let id = Uuid::new_v4();
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S%.f").to_string();
    let data = json!({"when": "2026-11-27 14:30 UTC", "device": "Firefox <on> Linux", "ip": "203.0.113.7"});
    let (now, expires_at) = (time(now), time(now + life));
    database.db_execute(&format!(
        "INSERT INTO mails (id, kind, recipient, requester, locale, data, created_at, due_at, expires_at) VALUES \
         ('{id}', '{kind}', '{recipient}', '', '{locale}', '{data}', '{now}', '{now}', '{expires_at}')"
    ));
    id.to_string()
}
