//! A database server, database or role with other defaults than PostgreSQL's, and the forms of `DATABASE_URL`.

use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use futures_util::future::join_all;
use serde_json::json;
use shared_claims::testing::ManualClock;
use test_support::TestDatabase;

use crate::app::{Session, TestApp};
use crate::command;

/// A database whose connections start with these options, as with `ALTER ROLE … SET`. `None` on SQLite.
fn with_defaults(options: &str) -> Option<Arc<TestDatabase>> {
    let mut database = TestDatabase::fresh();
    database.is_postgres().then(|| {
        for option in options.split(',') {
            database.url += "%20-c%20";
            database.url += &option.replace('=', "%3D").replace(' ', "%20");
        }
        Arc::new(database)
    })
}

#[actix_web::test]
async fn other_default_isolation_levels_and_timeouts_have_no_effect() {
    for isolation in ["serializable", "repeatable\\ read"] {
        let options =
            format!("default_transaction_isolation={isolation},lock_timeout=1,synchronous_commit=off");
        let Some(database) = with_defaults(&options) else { return };
        let clock = ManualClock::new();
        let [one, other] =
            [(); 2].map(|()| TestApp::launch(Arc::clone(&database), clock.clone(), Vec::new()));
        let (one, other) = futures_util::future::join(one, other).await;
        let (one, other) = (one.expect("a server"), other.expect("a server"));
        let sessions = join_all(["a", "b", "c", "d", "e", "f"].map(|user| one.register(user))).await;
        for round in 0..3 {
            let calls = sessions.iter().flat_map(|session| {
                (0..8).map(|i| if i % 2 == 0 { &one } else { &other }.refresh(&session.refresh_token))
            });
            for response in join_all(calls).await {
                assert_eq!(Session::of(&response.assert_status(200)).rotation, 1, "{isolation}, {round}");
            }
        }
        let logouts =
            sessions.iter().map(|session| one.post("/auth/logout").cookie(&session.refresh_token).send());
        for response in join_all(logouts).await {
            response.assert_status(204);
        }
    }
}

/// Both lock a session and the counter of the revocations, in the opposite order.
#[actix_web::test]
async fn a_transaction_that_is_the_victim_of_a_deadlock_is_run_again() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return; // SQLite has one lock.
    }
    app.register("ann").await;
    // On a busy machine PostgreSQL may choose the other transaction.
    for _ in 0..5 {
        if logout_is_victim(&app).await {
            return;
        }
    }
    panic!("the server's transaction was never the victim");
}

/// Logs out in a deadlock. Returns whether PostgreSQL chose the server's transaction as the victim.
async fn logout_is_victim(app: &TestApp) -> bool {
    let session = app.log_in("ann").await;
    let mut other = app.database.db_begin("UPDATE revocation_counter SET seq = seq");
    let deadlock = std::thread::spawn(move || {
        // PostgreSQL cancels the transaction that has waited for a second (deadlock_timeout): the server's, not this one.
        other.db_execute(
            "DO $$ BEGIN \
               WHILE NOT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))) LOOP \
                 PERFORM pg_sleep(0.005); \
               END LOOP; \
               PERFORM pg_sleep(0.5); \
             END $$; UPDATE sessions SET ip = ip",
        );
        other.commit();
    });
    app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    app.refresh(&session.refresh_token).await.assert_ended("logged_out");
    deadlock.join().is_ok()
}

#[actix_web::test]
async fn a_database_in_another_encoding_than_utf8_is_rejected() {
    let database = TestDatabase::fresh();
    if !database.is_postgres() {
        return;
    }
    let server = std::env::var("LATCHKEY_TEST_DATABASE_URL").expect("a server");
    let mut connection = PgConnection::establish(&server).expect("PostgreSQL");
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("latchkey_{}", uuid::Uuid::new_v4().simple());
        let create = format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        connection.batch_execute(&create).expect(&create);
        let url = format!("{}/{name}", server.rsplit_once('/').expect("a path").0);
        let outcomes =
            ["migrate", "check"].map(|name| command::run(&database, &[name], &[("DATABASE_URL", &url)]));
        connection.batch_execute(&format!("DROP DATABASE {name}")).expect("no connection");
        for outcome in outcomes {
            assert!(!outcome.succeeded);
            let text = outcome.out + &outcome.error;
            assert!(text.contains(&format!("its encoding is {encoding}")), "{text}");
        }
    }
}

#[actix_web::test]
async fn several_hosts_can_be_given() {
    let database = TestDatabase::fresh();
    if !database.is_postgres() {
        return;
    }
    let (user, rest) = database.url.split_once('@').expect("a user");
    // Nothing listens on the first one.
    let url = format!("{user}@127.0.0.1:1,{rest}&target_session_attrs=read-write");
    command::run(&database, &["migrate"], &[("DATABASE_URL", &url)]).assert_succeeded();
    let again = command::run(&database, &["migrate", "--json"], &[]);
    assert_eq!(again.json(), json!({"applied": []}));
}
