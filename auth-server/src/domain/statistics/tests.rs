//! Each event is counted once, for any order of commits and any number of maintenance runs.

use test_support::TestDatabase;

use crate::domain::statistics::*;
use crate::model::ClientInfo;
use crate::store::events as events_table;

struct Fixture {
    test: TestDatabase,
    database: Database,
}

impl Fixture {
    fn new() -> Self {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 2).expect("a database");
        Self { test, database }
    }

    fn db_insert(&self, id: i64, kind: &str, at: &str) {
        self.test.db_execute(&format!("INSERT INTO events (id, at, type) VALUES ({id}, '{at}', '{kind}')"));
    }

    /// As maintenance does, until nothing is left to count now.
    async fn count(&self, now: DateTime<Utc>) {
        for count in [statistics::count_events, statistics::count_hours] {
            while self.database.transaction(move |connection| count(connection, now)).await.expect("counts") {
            }
        }
    }

    async fn days(&self, now: DateTime<Utc>) -> Vec<Day> {
        self.database.run(move |connection| read_days(connection, now)).await.expect("days")
    }

    /// Logins, failures and registrations of today.
    async fn today(&self, now: DateTime<Utc>) -> (i64, i64, i64) {
        let days = self.days(now).await;
        let Day { logins, failed_logins, registrations, .. } = days[13];
        (logins, failed_logins, registrations)
    }

    async fn db_fail(&self, now: DateTime<Utc>) {
        let mut event = Event::new(EventType::LoginFailed, now, &ClientInfo::none());
        event.ip = Some("192.0.2.1".to_owned());
        let insert = move |connection: &mut AnyConnection| events_table::insert(connection, &[event]);
        self.database.transaction(insert).await.expect("an event");
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_893_456_000 + seconds, 0).expect("a time")
}

#[tokio::test]
async fn events_are_counted_once_even_if_they_are_committed_late_and_purged() {
    let fixture = Fixture::new();
    for id in [1, 2, 4, 5] {
        fixture.db_insert(id, "login_succeeded", "2030-01-01 00:00:00");
    }
    assert_eq!(fixture.today(at(0)).await.0, 4, "before the first count");
    for seconds in [0, 1, 59] {
        fixture.count(at(seconds)).await;
    }
    // Its id was assigned before those that have been seen.
    fixture.db_insert(3, "registered", "2030-01-01 00:00:00");
    assert_eq!(fixture.today(at(59)).await, (4, 0, 1));
    for seconds in [59, 60, 61, 120, 200] {
        fixture.count(at(seconds)).await;
        assert_eq!(fixture.today(at(seconds)).await, (4, 0, 1), "{seconds}");
    }
    fixture.test.db_execute("DELETE FROM events");
    assert_eq!(fixture.today(at(200)).await, (4, 0, 1), "the counts remain");
    fixture.db_insert(6, "registered", "2029-12-25 12:00:00");
    fixture.db_insert(7, "registered", "2029-12-01 12:00:00");
    fixture.count(at(300)).await;
    fixture.count(at(400)).await;
    let days = fixture.days(at(400)).await;
    let older: Vec<i64> = days[..13].iter().map(|day| day.registrations).collect();
    assert_eq!(older, [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn two_servers_do_not_count_events_twice() {
    let fixture = Fixture::new();
    for id in 1..=50 {
        fixture.db_insert(id, "login_succeeded", "2030-01-01 00:00:00");
    }
    fixture.count(at(0)).await;
    let both = futures_util::future::join(fixture.count(at(60)), fixture.count(at(60)));
    both.await;
    assert_eq!(fixture.today(at(60)).await.0, 50);
}

#[tokio::test]
async fn failures_with_unknown_names_are_counted_when_their_hour_has_ended() {
    let fixture = Fixture::new();
    for seconds in [0, 1, 3000] {
        fixture.db_fail(at(seconds)).await;
        fixture.count(at(seconds)).await;
    }
    assert_eq!(fixture.today(at(3600)).await.1, 3);
    fixture.count(at(3600 + 299)).await;
    // A server whose clock is behind.
    fixture.db_fail(at(3599)).await;
    assert_eq!(fixture.today(at(3900)).await.1, 4);
    for seconds in [3900, 4000, 8000] {
        fixture.count(at(seconds)).await;
        assert_eq!(fixture.today(at(seconds)).await.1, 4);
    }
}

#[tokio::test]
async fn rows_are_counted_by_one_server_and_again_after_a_pause() {
    let fixture = Fixture::new();
    let reserve = |now: DateTime<Utc>| {
        let reserve =
            move |connection: &mut AnyConnection| Rows::Users.reserve(connection, now, now + RESERVATION);
        fixture.database.transaction(reserve)
    };
    assert!(reserve(at(0)).await.expect("a reservation"));
    assert!(!reserve(at(1)).await.expect("a reservation"), "another server counts");
    assert!(reserve(at(601)).await.expect("a reservation"), "which has failed");
    assert_eq!(pause_after(Duration::from_millis(10)), TimeDelta::seconds(60));
    assert_eq!(pause_after(Duration::from_secs(10)), TimeDelta::seconds(500));
}

#[tokio::test]
async fn a_clock_that_is_ahead_changes_nothing() {
    let fixture = Fixture::new();
    let time = fixture.database.time(at(0)).await.expect("a time");
    assert_eq!(time == at(0), !fixture.test.is_postgres(), "PostgreSQL has a clock, SQLite has none: {time}");
}

#[tokio::test]
async fn events_are_never_counted_twice_while_they_move_to_the_counts() {
    let fixture = Fixture::new();
    for round in 0..20 {
        for id in 1..=50 {
            fixture.db_insert(round * 50 + id, "login_succeeded", "2030-01-01 00:00:00");
        }
        fixture.count(at(round * 100)).await;
        let read = async {
            for _ in 0..10 {
                assert_eq!(fixture.today(at(0)).await.0, (round + 1) * 50);
            }
        };
        futures_util::future::join(fixture.count(at(round * 100 + 60)), read).await;
    }
}

#[tokio::test]
async fn a_count_that_fails_does_not_stop_the_others() {
    let fixture = Fixture::new();
    let fail = if fixture.test.is_postgres() {
        "ALTER TABLE row_counts ADD CHECK (name <> 'users' OR count IS NULL)"
    } else {
        "CREATE TRIGGER fail BEFORE UPDATE ON row_counts WHEN NEW.name = 'users' AND NEW.count IS NOT NULL \
         BEGIN SELECT RAISE(ABORT, 'fails'); END"
    };
    fixture.test.db_execute(fail);
    assert!(update_at(&fixture.database, at(0)).await.is_err());
    let counted = "SELECT name AS value FROM row_counts WHERE count IS NOT NULL ORDER BY name";
    assert_eq!(fixture.test.db_texts(counted), ["active_sessions", "disabled_users", "unverified_users"]);
}
