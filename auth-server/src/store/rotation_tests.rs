//! Rotations on PostgreSQL: the statement, and the queue in front of it.

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, select};
use futures_util::future::join_all;
use futures_util::{FutureExt as _, pin_mut};
use test_support::TestDatabase;

use crate::model::{Amr, Delivery, Generation, Session, SessionId, TokenTransport, User, UserId};
use crate::store::rotations::THREADS;
use crate::store::sessions::{self, Guard, RotateParams, rotate_batch};
use crate::store::{AnyConnection, Database, DatabaseUrl, StoreError, users};

const POOL_SIZE: u32 = 4;

struct Fixture {
    test: TestDatabase,
    url: DatabaseUrl,
    database: Database,
    connection: AnyConnection,
    now: DateTime<Utc>,
}

impl Fixture {
    /// `None` on SQLite.
    fn new() -> Option<Self> {
        let test = TestDatabase::fresh();
        if !test.is_postgres() {
            return None;
        }
        let url: DatabaseUrl = test.url.parse().unwrap();
        let database = Database::open(&url, POOL_SIZE).unwrap();
        let connection = url.connect().unwrap();
        Some(Self { test, url, database, connection, now: "2030-01-01T00:00:00Z".parse().unwrap() })
    }

    /// A new session of a new user, and its rotation.
    fn rotation(&mut self) -> RotateParams {
        let (now, later) = (self.now, self.now + TimeDelta::days(1));
        let user = User::sample(&format!("{}@example.org", UserId::random()));
        let id = user.id;
        users::insert(&mut self.connection, &user).unwrap();
        let session = Session {
            id: SessionId::random(),
            user_id: id,
            client_id: "web".to_owned(),
            generation: Generation::FIRST,
            secret_hash: [1; 32],
            rotated_at: now,
            idempotency_key_hash: None,
            redeliveries: 0,
            delivery: Delivery::BothCookies,
            remember: true,
            auth_time: now,
            amr: Amr::email(),
            created_at: now,
            idle_expires_at: later,
            expires_at: later,
            ended: None,
            ip: None,
            user_agent: None,
        };
        sessions::insert(&mut self.connection, &session).unwrap();
        RotateParams {
            id: session.id,
            generation: session.generation,
            secret_hash: session.secret_hash,
            younger_than_idle_limit: false,
            transport: TokenTransport::Cookie,
            idempotency_key_hash: Some([2; 32]),
            authenticated: None,
            new_secret_hash: None,
            ip: Some("192.0.2.1".to_owned()),
            user_agent: Some("Ä agent, \"quoted\" {}\\".to_owned()),
            now,
            idle_expires_at: now + TimeDelta::hours(1),
        }
    }

    /// The sessions that were rotated, with the ids of their users.
    fn rotate(&mut self, batch: &[RotateParams]) -> Vec<Option<(Session, UserId)>> {
        let AnyConnection::Postgres(connection) = &mut self.connection else { unreachable!() };
        let results = rotate_batch(connection, batch).unwrap();
        results.into_iter().map(|result| result.map(|(session, user)| (session, user.id))).collect()
    }
}

#[test]
fn every_rotation_gets_its_own_session_and_user() {
    let Some(mut fixture) = Fixture::new() else { return };
    let batch: Vec<RotateParams> = (0..40).map(|_| fixture.rotation()).collect();
    for (params, rotated) in batch.iter().zip(fixture.rotate(&batch)) {
        let (session, user) = rotated.unwrap();
        let stored = sessions::by_id(&mut fixture.connection, params.id).unwrap().unwrap();
        assert_eq!((session.id, user), (params.id, stored.user_id));
        assert_eq!(format!("{session:?}"), format!("{stored:?}"));
        assert_eq!(session.generation, params.generation.next());
        assert_eq!((session.rotated_at, session.idle_expires_at), (params.now, params.idle_expires_at));
        assert_eq!(session.idempotency_key_hash, params.idempotency_key_hash);
        assert_eq!((&session.ip, &session.user_agent), (&params.ip, &params.user_agent));
    }
}

#[test]
fn of_several_rotations_of_a_session_one_succeeds() {
    let Some(mut fixture) = Fixture::new() else { return };
    let (twice, other) = (fixture.rotation(), fixture.rotation());
    let rotated = fixture.rotate(&[twice.clone(), other, twice.clone()]);
    assert_eq!(rotated.iter().flatten().count(), 2);
    assert!(rotated[1].is_some());
    let stored = sessions::by_id(&mut fixture.connection, twice.id).unwrap().unwrap();
    assert_eq!(stored.generation, twice.generation.next());
}

#[test]
fn what_a_single_rotation_rejects_is_not_rotated_and_its_neighbours_are() {
    let Some(mut fixture) = Fixture::new() else { return };
    let earlier = "2020-01-01";
    for change in [
        format!("sessions SET ended_at = '{earlier}', end_reason = 'logged_out'"),
        format!("sessions SET expires_at = '{earlier}'"),
        format!("sessions SET idle_expires_at = '{earlier}'"),
        "sessions SET generation = 1".to_owned(),
        "sessions SET secret_hash = '\\x00'".to_owned(),
        "sessions SET delivery = 'body'".to_owned(),
    ] {
        let (bad, good) = (fixture.rotation(), fixture.rotation());
        fixture.test.db_execute(&format!("UPDATE {change} WHERE id = '{}'", bad.id));
        let rotated = fixture.rotate(&[bad.clone(), good]);
        assert!(rotated[0].is_none() && rotated[1].is_some(), "{change}");
        assert!(sessions::rotate(&mut fixture.connection, &bad, Guard::Exact).unwrap().is_none(), "{change}");
    }
    for change in ["disabled_at", "deleted_at"] {
        let (bad, good) = (fixture.rotation(), fixture.rotation());
        let user = sessions::by_id(&mut fixture.connection, bad.id).unwrap().unwrap().user_id;
        fixture.test.db_execute(&format!("UPDATE users SET {change} = '{earlier}' WHERE id = '{user}'"));
        let rotated = fixture.rotate(&[bad.clone(), good]);
        assert!(rotated[0].is_none() && rotated[1].is_some(), "{change}");
        let stored = sessions::by_id(&mut fixture.connection, bad.id).unwrap().unwrap();
        assert_eq!(stored.generation, bad.generation, "{change}");
    }
    // A young token is valid in a restored row.
    let idle = fixture.rotation();
    fixture.test.db_execute(&format!("UPDATE sessions SET idle_expires_at = '{earlier}'"));
    assert!(fixture.rotate(&[RotateParams { younger_than_idle_limit: true, ..idle }])[0].is_some());
}

#[test]
fn a_row_that_cannot_be_read_does_not_fail_its_neighbours() {
    let Some(mut fixture) = Fixture::new() else { return };
    let (bad, worse, good) = (fixture.rotation(), fixture.rotation(), fixture.rotation());
    fixture.test.db_execute(&format!(
        "UPDATE sessions SET auth_time = 'infinity' WHERE id = '{}'; UPDATE users SET roles = '?' WHERE id = \
         (SELECT user_id FROM sessions WHERE id = '{}')",
        bad.id, worse.id
    ));
    let rotated = fixture.rotate(&[bad, worse, good]);
    assert!(rotated[0].is_none() && rotated[1].is_none() && rotated[2].is_some());
}

#[test]
fn a_session_that_another_transaction_holds_does_not_delay_its_neighbours() {
    let Some(mut fixture) = Fixture::new() else { return };
    let (held, free) = (fixture.rotation(), fixture.rotation());
    let other = fixture.test.db_begin(&format!("UPDATE sessions SET ip = '' WHERE id = '{}'", held.id));
    let rotated = fixture.rotate(&[held, free]);
    assert!(rotated[0].is_none() && rotated[1].is_some());
    other.commit();
}

#[test]
fn batches_of_all_sizes_share_one_plan() {
    let Some(mut fixture) = Fixture::new() else { return };
    if fixture.url.is_pooled() {
        return; // Nothing is prepared.
    }
    for size in [1, 64, 1, 1, 1, 1, 30, 1] {
        let batch: Vec<RotateParams> = (0..size).map(|_| fixture.rotation()).collect();
        assert_eq!(fixture.rotate(&batch).iter().flatten().count(), size);
    }
    let plans = "(SELECT sum(generic_plans)::bigint FROM pg_prepared_statements WHERE statement LIKE 'WITH fitting%')";
    // PostgreSQL decides after five executions.
    assert_eq!(select(sql::<BigInt>(plans)).get_result::<i64>(&mut fixture.connection).unwrap(), 3);
}

/// Without statistics of the tables, PostgreSQL could join the sessions with all users first.
#[test]
fn each_session_of_a_batch_is_looked_up_once() {
    let Some(mut fixture) = Fixture::new() else { return };
    for _ in 0..6 {
        let one = [fixture.rotation()];
        fixture.rotate(&one);
    }
    let batch: Vec<RotateParams> = (0..64).map(|_| fixture.rotation()).collect();
    fixture.connection.batch_execute("BEGIN").unwrap();
    assert_eq!(fixture.rotate(&batch).iter().flatten().count(), 64);
    let scans = "(SELECT idx_scan FROM pg_stat_xact_user_tables WHERE relid = 'sessions'::regclass)";
    let scans = select(sql::<BigInt>(scans)).get_result::<i64>(&mut fixture.connection).unwrap();
    fixture.connection.batch_execute("COMMIT").unwrap();
    assert!(scans < 128, "{scans} look-ups");
}

#[tokio::test]
async fn a_rotation_of_a_dropped_request_is_not_executed() {
    let Some(mut fixture) = Fixture::new() else { return };
    let busy: Vec<RotateParams> = (0..THREADS).map(|_| fixture.rotation()).collect();
    let (dropped, last) = (fixture.rotation(), fixture.rotation());
    let table = fixture.test.db_begin("LOCK TABLE sessions");
    // Each thread waits for the table with one of them.
    let mut waiting = Vec::new();
    for one in &busy {
        let mut rotation = Box::pin(fixture.database.rotate(one));
        assert!(rotation.as_mut().now_or_never().is_none());
        waiting.push(rotation);
        let locks = "SELECT count(*)::text AS value FROM pg_locks WHERE NOT granted AND relation = 'sessions'::regclass";
        wait_until(|| fixture.test.db_text(locks) == waiting.len().to_string());
    }
    let last = fixture.database.rotate(&last);
    pin_mut!(last);
    {
        let dropped = fixture.database.rotate(&dropped);
        pin_mut!(dropped);
        assert!(dropped.as_mut().now_or_never().is_none());
    }
    assert!(last.as_mut().now_or_never().is_none());
    table.commit();
    for rotated in join_all(waiting).await {
        assert!(rotated.unwrap().is_some());
    }
    assert!(last.await.unwrap().is_some());
    let stored = sessions::by_id(&mut fixture.connection, dropped.id).unwrap().unwrap();
    assert_eq!(stored.generation, dropped.generation);
}

#[tokio::test]
async fn a_rotation_does_not_wait_for_requests_that_use_all_other_connections() {
    let Some(mut fixture) = Fixture::new() else { return };
    let rotation = fixture.rotation();
    let resume = Arc::new(Barrier::new(POOL_SIZE as usize + 1));
    let mut busy = Vec::new();
    for _ in 0..POOL_SIZE {
        let resume = Arc::clone(&resume);
        let mut one = Box::pin(fixture.database.run(move |_| Ok::<_, StoreError>(resume.wait().is_leader())));
        assert!(one.as_mut().now_or_never().is_none());
        busy.push(one);
    }
    let rotated = fixture.database.rotate(&rotation).await;
    resume.wait();
    assert!(rotated.unwrap().is_some());
    join_all(busy).await;
}

#[tokio::test]
async fn a_failed_statement_is_an_error_for_each_rotation_and_no_verdict() {
    let Some(mut fixture) = Fixture::new() else { return };
    let batch: Vec<RotateParams> = (0..20).map(|_| fixture.rotation()).collect();
    fixture.test.db_execute("ALTER TABLE sessions RENAME TO elsewhere");
    for rotated in join_all(batch.iter().map(|one| fixture.database.rotate(one))).await {
        assert!(matches!(rotated, Err(StoreError::Shared(_))));
    }
    fixture.test.db_execute("ALTER TABLE elsewhere RENAME TO sessions");
    for rotated in join_all(batch.iter().map(|one| fixture.database.rotate(one))).await {
        assert!(rotated.unwrap().is_some());
    }
}

#[tokio::test]
async fn connections_that_postgres_has_closed_are_not_used() {
    let Some(mut fixture) = Fixture::new() else { return };
    if fixture.url.is_pooled() {
        return; // The pooler keeps them open.
    }
    for _ in 0..5 {
        let (before, after) = (fixture.rotation(), fixture.rotation());
        assert!(fixture.database.rotate(&before).await.unwrap().is_some());
        let closed = fixture.test.db_texts(
            "SELECT pid::text AS value FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
             AND application_name = current_setting('application_name')",
        );
        fixture.test.db_cut();
        // The socket is closed when the process ends, which is later than its end in pg_stat_activity.
        wait_until(|| !closed.iter().any(|pid| Path::new("/proc").join(pid).exists()));
        assert!(fixture.database.rotate(&after).await.unwrap().is_some());
        fixture.connection = fixture.url.connect().unwrap();
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "it takes too long");
        sleep(Duration::from_millis(5));
    }
}
