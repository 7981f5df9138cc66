//! The database is lost, and a standby takes over that had not heard of the last commits.

use std::thread::sleep;
use std::time::{Duration, Instant};

use awc::http::Method;
use serde_json::json;
use test_support::{Call, Program, TestDatabase};

use crate::cluster::Cluster;
use crate::relay::Relay;
use crate::servers::{PASSWORD, Place};
use crate::traffic::{Person, assert_unavailable};

const PEOPLE: usize = 5;
/// Rotations that the standby never hears of: more than one, as the token is then ahead by more than a lost answer.
const UNHEARD: usize = 3;

/// A primary, a standby that follows it over a wire which can be cut, and what clients hold.
struct Replicated {
    primary: Cluster,
    standby: Cluster,
    wire: Relay,
    place: Place,
    people: Vec<Person>,
}

#[actix_web::test]
async fn sessions_continue_on_a_standby_that_missed_their_last_rotations() {
    let Some(mut replicated) = Replicated::start() else { return };
    let server = replicated.place.start().await;
    let newcomer = replicated.live_on().await;
    server.kill();

    replicated.primary.stop_at_once();
    replicated.standby.promote();
    let url = replicated.url_at(replicated.standby.port());
    let server = replicated.place.start_with(&[("DATABASE_URL", &url)]).await;
    replicated.assert_all_sessions_continue(server, newcomer).await;
}

#[actix_web::test]
async fn servers_reconnect_to_a_promoted_standby_at_the_same_address() {
    let Some(mut replicated) = Replicated::start() else { return };
    let door = Relay::to(replicated.primary.port());
    let url = replicated.url_at(door.port());
    let server = replicated.place.start_with(&[("DATABASE_URL", &url)]).await;
    let newcomer = replicated.live_on().await;

    replicated.primary.stop_at_once();
    door.lead_to(replicated.standby.port());
    // Before it is promoted it can be read, which is of no use to anybody.
    sleep(Duration::from_secs(1));
    assert_unavailable(server.get("/readyz").send().await);
    let refresh = server.post("/auth/refresh").cookie(&replicated.people[0].token);
    assert_unavailable(refresh.send().await);

    replicated.standby.promote();
    let switched = Instant::now();
    while server.get("/readyz").send().await.status != 200 {
        assert!(switched.elapsed() < Duration::from_secs(20), "the server has not found the standby");
        sleep(Duration::from_millis(10));
    }
    println!("serving on the standby {:?} after it was promoted", switched.elapsed());
    replicated.assert_all_sessions_continue(server, newcomer).await;
}

impl Replicated {
    fn start() -> Option<Self> {
        let primary = Cluster::start()?;
        let wire = Relay::to(primary.port());
        let standby = Cluster::standby_of(wire.port());
        let place = Place::with(TestDatabase::on_postgres(primary.url()));
        Some(Self { primary, standby, wire, place, people: Vec::new() })
    }

    fn url_at(&self, port: u16) -> String {
        self.place.database.url.replace(&format!(":{}/", self.primary.port()), &format!(":{port}/"))
    }

    /// People log in and refresh; then the standby is cut off and they refresh again, and somebody registers. Returns
    /// whoever did that.
    async fn live_on(&mut self) -> Person {
        for number in 0..PEOPLE {
            let mut person = Person::register(self.place.address, &format!("person{number}")).await;
            person.refresh(self.place.address).await;
            self.people.push(person);
        }
        self.wait_until_standby_has_caught_up();
        self.wire.cut();
        for person in &mut self.people {
            for _ in 0..UNHEARD {
                person.refresh(self.place.address).await;
            }
        }
        Person::register(self.place.address, "newcomer").await
    }

    fn wait_until_standby_has_caught_up(&self) {
        let written = self.primary.sql("SELECT pg_current_wal_lsn()");
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        let started = Instant::now();
        while self.standby.sql(&caught_up) != "t" {
            assert!(started.elapsed() < Duration::from_secs(30), "the standby does not follow");
            sleep(Duration::from_millis(20));
        }
    }

    /// Everybody's newest token does. Who registered in the time that is lost is unknown, and can register again.
    async fn assert_all_sessions_continue(mut self, server: Program, newcomer: Person) {
        let address = self.place.address;
        for person in &mut self.people {
            person.refresh(address).await;
            person.refresh(address).await;
        }
        let refresh = Call::new(Method::POST, format!("http://{address}/auth/refresh"));
        let answer = refresh.cookie(&newcomer.token).send().await.assert_ended("unknown");
        assert!(answer.clears_cookie());
        let again = json!({"email": "newcomer@example.org", "password": PASSWORD});
        server.post("/auth/register").json(&again).send().await.assert_status(201);

        let log = server.kill();
        let restored = log.lines().filter(|line| line.contains("generation_restored")).count();
        assert_eq!(restored, PEOPLE, "one event for each session that was behind: {log}");
        assert!(!log.contains("reuse_detected"), "{log}");
    }
}
