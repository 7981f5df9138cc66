//! Backups, as `docs/operate.md` describes them, and `scripts/restore-drill.sh`.

use std::env;
use std::sync::Arc;

use serde_json::json;
use shared_claims::testing::ManualClock;
use tempfile::TempDir;
use test_support::{Program, TestDatabase, free_address};
use uuid::Uuid;

use crate::app::{PASSWORD, Session, TestApp};
use crate::{command, program};

/// A database of its own on PostgreSQL, because a dump has all schemas of a database.
struct WholeDatabase {
    database: Arc<TestDatabase>,
    /// Database and its server, on PostgreSQL.
    created: Option<(String, TestDatabase)>,
}

impl WholeDatabase {
    fn new() -> Self {
        let Ok(server) = env::var("LATCHKEY_TEST_DATABASE_URL") else {
            return Self { database: Arc::new(TestDatabase::on_sqlite()), created: None };
        };
        let name = format!("latchkey_{}", Uuid::new_v4().simple());
        let (base, _) = server.rsplit_once('/').expect("the name of a database");
        let database = Arc::new(TestDatabase::kept(format!("{base}/{name}")));
        let server = TestDatabase::kept(server.clone());
        server.db_execute(&format!("CREATE DATABASE {name}"));
        Self { database, created: Some((name, server)) }
    }

    async fn start(&self) -> TestApp {
        let database = Arc::clone(&self.database);
        TestApp::launch(database, ManualClock::new(), Vec::new()).await.expect("a server")
    }
}

impl Drop for WholeDatabase {
    fn drop(&mut self) {
        if let Some((name, server)) = &self.created {
            server.db_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

#[actix_web::test]
async fn the_documented_commands_back_up_and_restore_a_database() {
    let whole = WholeDatabase::new();
    let folder = TempDir::new().expect("a folder");
    // In processes of their own: SQLite must not be open during a restore.
    let server = program::start(&whole.database, &[]).await;
    let ann = register(&server, "ann").await;
    let is_postgres = whole.created.is_some();
    let commands = command::documented(if is_postgres { "### PostgreSQL" } else { "### SQLite" });
    let (back_up, restore) = commands.split_once("# Restore").expect("two parts");
    let variables = [("DATABASE_URL", whole.database.url.as_str())];
    let outcome = command::bash(folder.path(), back_up, &variables);
    assert!(outcome.succeeded, "{}", outcome.error);
    let bob = register(&server, "bob").await;
    server.kill();
    let outcome = command::bash(folder.path(), &format!("#{restore}"), &variables);
    assert!(outcome.succeeded, "{}", outcome.error);

    let server = program::start(&whole.database, &[]).await;
    let refresh = |session: &Session| server.post("/auth/refresh").cookie(&session.refresh_token).send();
    refresh(&ann).await.assert_status(200);
    refresh(&bob).await.assert_ended("unknown");
    drop(server);
}

async fn register(server: &Program, name: &str) -> Session {
    let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    Session::of(&server.post("/auth/register").json(&user).send().await.assert_status(201))
}

#[actix_web::test]
async fn the_drill_finds_that_a_restored_database_keeps_sessions_and_lets_no_one_else_in() {
    let (whole, scratch) = (WholeDatabase::new(), WholeDatabase::new());
    let app = whole.start().await;
    app.register("ann").await;
    let before = whole.database.db_texts("SELECT email AS value FROM users");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/restore-drill.sh");
    let port = free_address().port().to_string();
    let mut variables = vec![("DATABASE_URL", whole.database.url.as_str()), ("DRILL_PORT", &port)];
    if scratch.created.is_some() {
        variables.push(("SCRATCH_DATABASE_URL", &scratch.database.url));
    }
    let folder = TempDir::new().expect("a folder");
    let outcome = command::bash(folder.path(), script, &variables);
    assert!(outcome.succeeded, "{} {}", outcome.out, outcome.error);
    if scratch.created.is_some() {
        let again = command::bash(folder.path(), script, &variables);
        assert!(!again.succeeded && again.error.contains("is not empty"), "{} {}", again.out, again.error);
    }
    assert_eq!(outcome.out.lines().filter(|line| line.starts_with("ok  ")).count(), 8, "{}", outcome.out);
    assert_eq!(whole.database.db_texts("SELECT email AS value FROM users"), before, "the real database");
    app.stop().await;
}
