//! `PgBouncer` with transaction pooling: each transaction may run on another connection to PostgreSQL.

use futures_util::future::join_all;
use serde_json::json;
use shared_claims::testing::ManualClock;
use std::sync::Arc;
use test_support::TestDatabase;

use crate::app::{KEY_SECRET, REFRESH_SECRET, Session, TestApp};
use crate::command;

/// Defaults that requests would fail with.
const HOSTILE: &str = "SET default_transaction_isolation = serializable; SET lock_timeout = 1; SET standard_conforming_strings = off";

fn database(settings: &str) -> Option<Arc<TestDatabase>> {
    TestDatabase::behind_pgbouncer(HOSTILE, settings).map(Arc::new)
}

async fn start(database: &Arc<TestDatabase>) -> TestApp {
    TestApp::launch(Arc::clone(database), ManualClock::new(), Vec::new()).await.expect("a server")
}

#[actix_web::test]
async fn servers_run_behind_pgbouncer_in_transaction_mode() {
    // By default it rejects unknown parameters of a connection. Where it ignores them, they do not reach PostgreSQL.
    for settings in ["", "ignore_startup_parameters = options", "server_round_robin = 1"] {
        let Some(database) = database(settings) else { return };
        let (one, other) = (start(&database).await, start(&database).await);
        let users = join_all((0..8).map(async |user| {
            let app = if user % 2 == 0 { &one } else { &other };
            let mut session = app.register(&format!("user{user}")).await;
            for rotation in 1..5 {
                session = Session::of(&other.refresh(&session.refresh_token).await.assert_status(200));
                assert_eq!(session.rotation, rotation);
            }
            session
        }))
        .await;
        let ann = &users[0];
        let racing = join_all((0..16).map(|_| one.refresh(&ann.refresh_token))).await;
        let rotations: Vec<u64> =
            racing.into_iter().map(|response| Session::of(&response.assert_status(200)).rotation).collect();
        assert_eq!(rotations, [5; 16]);
        for user in &users[1..] {
            one.get("/auth/sessions").cookie(&user.refresh_token).send().await.assert_status(200);
            one.post("/auth/logout").cookie(&user.refresh_token).send().await.assert_status(204);
            other.refresh(&user.refresh_token).await.assert_ended("logged_out");
        }
        one.get("/readyz").send().await.assert_status(200);
        assert_parameters_are_not_left(&database);
    }
}

/// Other programs may share the pooler's connections.
fn assert_parameters_are_not_left(database: &TestDatabase) {
    let parameters = "SELECT concat_ws(' ', current_setting('default_transaction_isolation'), \
        current_setting('lock_timeout'), current_setting('statement_timeout'), \
        current_setting('idle_in_transaction_session_timeout'), \
        (SELECT count(*) FROM pg_prepared_statements)) AS value";
    for _ in 0..10 {
        assert_eq!(database.db_pooled_text(parameters), "serializable 1ms 0 0 0");
    }
}

#[actix_web::test]
async fn commands_run_behind_pgbouncer_and_check_reports_it() {
    let Some(database) = database("") else { return };
    command::run(&database, &["migrate"], &[]).assert_succeeded();
    let secrets = [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    let checked = command::run(&database, &["check"], &secrets);
    checked.assert_succeeded();
    assert!(checked.out.contains("PostgreSQL database behind a pooler"), "{}", checked.out);
    // A pooler can also be declared, and reached through a Unix socket.
    for url in [format!("{}&pgbouncer=true", database.url), database.socket_url().expect("a socket")] {
        let migrated = command::run(&database, &["migrate", "--json"], &[("DATABASE_URL", &url)]);
        assert_eq!(migrated.json(), json!({"applied": []}));
    }
}
