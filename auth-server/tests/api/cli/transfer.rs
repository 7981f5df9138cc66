//! `auth-server export` and `import`: a move to another database.

mod failures;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;
use tempfile::TempDir;
use test_support::TestDatabase;

use crate::app::{REFRESH_SECRET, Session, TestApp, claims, security_log};
use crate::authenticator::Authenticator;
use crate::command::{self, Outcome};
use crate::{passkey, program};

const FEED: &str = "feed-token-of-the-tests-0123456789abcdef";

/// The file of a move, in a folder of its own.
struct Transfer {
    folder: TempDir,
}

impl Transfer {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("latchkey.export")
    }

    fn run(&self, database: &TestDatabase, arguments: &[&str]) -> Outcome {
        let path = self.path();
        let path = path.to_str().expect("a path");
        command::run(database, &[arguments, &[path]].concat(), &[])
    }

    fn export(&self, database: &TestDatabase) -> Value {
        let _ = fs::remove_file(self.path());
        self.run(database, &["export", "--json"]).json()
    }

    fn import(&self, database: &TestDatabase) -> Outcome {
        self.run(database, &["import", "--json"])
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("the file")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).expect("the file");
    }

    /// The lines that two exports of the same data have in common, sorted: the databases may sort texts differently.
    fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.text().lines().skip(1).map(str::to_owned).collect();
        rows.pop();
        rows.sort();
        rows
    }
}

fn migrated(database: TestDatabase) -> TestDatabase {
    command::run(&database, &["migrate"], &[]).assert_succeeded();
    database
}

async fn start(database: TestDatabase, clock: &ManualClock) -> TestApp {
    let flags = ["--revocation-feed-token", FEED].map(str::to_owned).to_vec();
    TestApp::launch(Arc::new(database), clock.clone(), flags).await.expect("a server")
}

/// Stops the server, and waits until it has left the database.
async fn stop(app: TestApp) -> Arc<TestDatabase> {
    let database = Arc::clone(&app.database);
    app.stop().await;
    for _ in 0..500 {
        if database.db_texts("SELECT id AS value FROM servers").is_empty() {
            return database;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the server does not stop");
}

/// A database without servers, with one user who has many sessions.
async fn with_sessions(count: u32) -> (Arc<TestDatabase>, Session) {
    let app = start(TestDatabase::fresh(), &ManualClock::new()).await;
    let ann = app.register("ann").await;
    app.db_copy_session(&ann, count);
    (stop(app).await, ann)
}

fn count(database: &TestDatabase, table: &str) -> usize {
    database
        .db_text(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"))
        .parse()
        .expect("a number")
}

#[actix_web::test]
async fn a_move_to_the_other_database_and_back_logs_no_one_out() {
    let clock = ManualClock::new();
    let app = start(TestDatabase::on_sqlite(), &clock).await;
    let mut ann = app.register("ann").await;
    let authenticator = Authenticator::set_up(&app, &ann).await;
    let bob = app.register("bob").await;
    let mut key = passkey::passkey();
    app.add_passkey(&bob, &mut key, "passkey").await;
    let thief = app.register("eve").await;
    let eve = Session::of(&app.refresh(&thief.refresh_token).await.assert_status(200));
    let mut gone = app.register("joe").await;
    gone = Session::of(&app.refresh(&gone.refresh_token).await.assert_status(200));
    app.post("/auth/logout").cookie(&gone.refresh_token).send().await.assert_status(204);
    app.try_login("ann", &json!({"password": "wrong horse battery staple"})).await.assert_status(401);
    let feed = app.get("/revocations").bearer(FEED).send().await.assert_status(200).json();
    let mut cursor = feed["cursor"].as_str().expect("a cursor").to_owned();
    let keys = app.get("/.well-known/jwks.json").send().await.json();
    let mut database = stop(app).await;
    let first = Arc::clone(&database);

    let transfer = Transfer::new();
    for (number, target) in [TestDatabase::fresh(), TestDatabase::on_sqlite()].into_iter().enumerate() {
        let target = migrated(target);
        let exported = transfer.export(&database);
        assert_eq!(fs::metadata(transfer.path()).expect("a file").permissions().mode() & 0o777, 0o600);
        let rows = transfer.rows();
        let imported = transfer.import(&target).json();
        assert_eq!(imported["tables"], exported["tables"]);
        assert!(imported["rows"].as_u64() > Some(30), "{imported}");
        for table in [
            "users",
            "sessions",
            "signing_keys",
            "totp_factors",
            "recovery_codes",
            "passkeys",
            "events",
            "revocations",
        ] {
            assert!(imported["tables"][table].as_u64() > Some(0), "{table} {imported}");
        }
        transfer.export(&target);
        assert_eq!(transfer.rows(), rows);

        let app = start(target, &clock).await;
        assert_eq!(app.get("/.well-known/jwks.json").send().await.json(), keys);
        // A resource server that has received everything gets it once more.
        let feed = app
            .get(&format!("/revocations?after={cursor}"))
            .bearer(FEED)
            .send()
            .await
            .assert_status(200)
            .json();
        let sid = &claims(&gone.refresh_token)["sid"];
        let revoked =
            feed["sessions"].as_array().expect("sessions").iter().any(|session| session["sid"] == *sid);
        assert!(revoked && feed["snapshot"] == true, "{feed}");
        feed["cursor"].as_str().expect("a cursor").clone_into(&mut cursor);
        app.me(&ann.refresh_token).await.assert_status(200);
        ann = Session::of(&app.refresh(&ann.refresh_token).await.assert_status(200));
        assert!(!security_log(&ann).contains(&"generation_restored".to_owned()));
        app.refresh(&gone.refresh_token).await.assert_ended("logged_out");
        app.log_in_with_passkey(&key).await.assert_status(200);
        clock.advance(TimeDelta::seconds(30));
        let challenge = app.challenge("ann").await;
        let code = authenticator.code(&app, 0);
        app.answer(&challenge, &json!({"code": code})).await.assert_status(200);
        let challenge = app.challenge("ann").await;
        let code = &authenticator.recovery_codes[number];
        app.answer(&challenge, &json!({"recovery_code": code})).await.assert_status(200);
        if number == 1 {
            app.refresh(&thief.refresh_token).await.assert_ended("reuse_detected");
            app.refresh(&eve.refresh_token).await.assert_ended("reuse_detected");
        }
        database = stop(app).await;
    }
    // Both are SQLite, so every byte can be compared.
    let stable = "SELECT id || email || password_hash || version || created_at || coalesce(hex(recovery_salt), '') AS value \
                  FROM users ORDER BY id";
    assert_eq!(first.db_texts(stable), database.db_texts(stable));
    let stable = "SELECT hex(secret_hash) || created_at || expires_at || coalesce(ended_at, '') AS value FROM sessions \
                  WHERE end_reason = 'logged_out' ORDER BY id";
    assert_eq!(first.db_texts(stable), database.db_texts(stable));
    assert_eq!(first.db_texts(stable).len(), 1);
}

#[actix_web::test]
async fn new_events_get_higher_numbers_than_those_of_before() {
    let (source, _) = with_sessions(0).await;
    source.db_execute("UPDATE event_counter SET seen_id = 5000");
    let transfer = Transfer::new();
    transfer.export(&source);
    let target = migrated(TestDatabase::fresh());
    transfer.import(&target).json();
    let app = start(target, &ManualClock::new()).await;
    app.register("bob").await;
    let newest = app.database.db_text("SELECT CAST(MAX(id) AS TEXT) AS value FROM events");
    assert!(newest.parse::<u32>().expect("a number") > 5000, "{newest}");
}

/// As with a backup that is restored: the newer token works, and the one before it is reuse.
#[actix_web::test]
async fn an_export_beside_servers_is_announced_and_treated_as_a_restored_backup() {
    let clock = ManualClock::new();
    let app = start(TestDatabase::fresh(), &clock).await;
    let first = app.register("ann").await;
    let bob = app.register("bob").await;
    for _ in 0..500 {
        if count(&app.database, "servers") == 1 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let transfer = Transfer::new();
    transfer.run(&app.database, &["export", "--live"]).assert_succeeded();
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    let third = Session::of(&app.refresh(&second.refresh_token).await.assert_status(200));
    app.post("/auth/logout").cookie(&bob.refresh_token).send().await.assert_status(204);
    stop(app).await;

    let target = migrated(TestDatabase::fresh());
    let outcome = transfer.import(&target);
    assert!(
        outcome.succeeded && outcome.error.starts_with("warning: servers were running"),
        "{}",
        outcome.error
    );
    let app = start(target, &clock).await;
    let fourth = Session::of(&app.refresh(&third.refresh_token).await.assert_status(200));
    assert_eq!(fourth.rotation, 3);
    assert!(security_log(&fourth).contains(&"generation_restored".to_owned()));
    clock.advance(TimeDelta::seconds(11));
    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
    // What the warning says.
    app.refresh(&bob.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_move_requires_the_secrets_of_before() {
    let (source, _) = with_sessions(0).await;
    let transfer = Transfer::new();
    transfer.export(&source);
    let target = migrated(TestDatabase::fresh());
    transfer.import(&target).json();
    let other = "another-key-secret-of-the-tests-012345";
    let variables = [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", other)];
    let check = command::run(&target, &["check"], &variables);
    assert!(!check.succeeded && check.out.contains("KEY_ENCRYPTION_SECRET cannot decrypt"), "{}", check.out);
    command::run(&target, &[], &variables).assert_rejected("KEY_ENCRYPTION_SECRET");
    command::run(&target, &[], &variables[..1]).assert_rejected("KEY_ENCRYPTION_SECRET");
    drop(program::start(&target, &[]).await);
}

#[actix_web::test]
async fn the_documented_commands_move_a_database() {
    let (source, ann) = with_sessions(3).await;
    let target = if source.is_postgres() { TestDatabase::on_sqlite() } else { TestDatabase::fresh() };
    let folder = TempDir::new().expect("a folder");
    let commands = command::documented("## Move to another database");
    let variables = [("DATABASE_URL", source.url.as_str()), ("NEW_DATABASE_URL", &target.url)];
    let outcome = command::bash(folder.path(), &commands, &variables);
    assert!(outcome.succeeded, "{}", outcome.error);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let app = start(target, &ManualClock::new()).await;
    app.refresh(&ann.refresh_token).await.assert_status(200);
}
