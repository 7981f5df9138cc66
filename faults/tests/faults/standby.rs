//! The database is lost, and a standby takes over that has not received the last commits.

use std::thread::sleep;
use std::time::{Duration, Instant};

use awc::http::Method;
use serde_json::json;
use test_support::{Call, Program, TestDatabase};

use crate::cluster::Cluster;
use crate::relay::Relay;
use crate::servers::{Deployment, PASSWORD};
use crate::traffic::{User, assert_unavailable};

const USERS: usize = 5;
/// Rotations that the standby does not receive: more than one, so that the token is ahead by more than a lost response.
const UNHEARD: usize = 3;

/// A primary, a standby that replicates over a connection that can be cut, and the tokens of clients.
struct Replicated {
    primary: Cluster,
    standby: Cluster,
    wire: Relay,
    deployment: Deployment,
    users: Vec<User>,
}

#[actix_web::test]
async fn sessions_continue_on_a_standby_that_missed_their_last_rotations() {
    let Some(mut replicated) = Replicated::start() else { return };
    let server = replicated.deployment.start().await;
    let newcomer = replicated.use_sessions().await;
    server.kill();

    replicated.primary.stop_immediately();
    replicated.standby.promote();
    let url = replicated.url_at(replicated.standby.port());
    let server = replicated.deployment.start_with(&[("DATABASE_URL", &url)]).await;
    replicated.assert_all_sessions_continue(server, newcomer).await;
}

#[actix_web::test]
async fn servers_reconnect_to_a_promoted_standby_at_the_same_address() {
    let Some(mut replicated) = Replicated::start() else { return };
    let relay = Relay::to(replicated.primary.port());
    let url = replicated.url_at(relay.port());
    let server = replicated.deployment.start_with(&[("DATABASE_URL", &url)]).await;
    let newcomer = replicated.use_sessions().await;

    replicated.primary.stop_immediately();
    relay.forward_to(replicated.standby.port());
    // Before the promotion it is read-only.
    sleep(Duration::from_secs(1));
    assert_unavailable(server.get("/readyz").send().await);
    let refresh = server.post("/auth/refresh").cookie(&replicated.users[0].token);
    assert_unavailable(refresh.send().await);

    replicated.standby.promote();
    let switched = Instant::now();
    while server.get("/readyz").send().await.status != 200 {
        assert!(switched.elapsed() < Duration::from_secs(20), "the server has not connected to the standby");
        sleep(Duration::from_millis(10));
    }
    println!("serving from the standby {:?} after its promotion", switched.elapsed());
    replicated.assert_all_sessions_continue(server, newcomer).await;
}

impl Replicated {
    fn start() -> Option<Self> {
        let primary = Cluster::start()?;
        let wire = Relay::to(primary.port());
        let standby = Cluster::standby_of(wire.port());
        let deployment = Deployment::with(TestDatabase::on_postgres(primary.url()));
        Some(Self { primary, standby, wire, deployment, users: Vec::new() })
    }

    fn url_at(&self, port: u16) -> String {
        self.deployment.database.url.replace(&format!(":{}/", self.primary.port()), &format!(":{port}/"))
    }

    /// Users register and refresh. Then the standby is cut off, they refresh again, and another user registers. Returns that
    /// user.
    async fn use_sessions(&mut self) -> User {
        for number in 0..USERS {
            let mut user = User::register(self.deployment.address, &format!("user{number}")).await;
            user.refresh(self.deployment.address).await;
            self.users.push(user);
        }
        self.wait_until_standby_has_caught_up();
        self.wire.cut();
        for user in &mut self.users {
            for _ in 0..UNHEARD {
                user.refresh(self.deployment.address).await;
            }
        }
        User::register(self.deployment.address, "newcomer").await
    }

    fn wait_until_standby_has_caught_up(&self) {
        let written = self.primary.sql("SELECT pg_current_wal_lsn()");
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        let started = Instant::now();
        while self.standby.sql(&caught_up) != "t" {
            assert!(started.elapsed() < Duration::from_secs(30), "the standby does not replicate");
            sleep(Duration::from_millis(20));
        }
    }

    /// The newest tokens of all users work. The user who registered after the cut is unknown, and can register again.
    async fn assert_all_sessions_continue(mut self, server: Program, newcomer: User) {
        let address = self.deployment.address;
        for user in &mut self.users {
            user.refresh(address).await;
            user.refresh(address).await;
        }
        let refresh = Call::new(Method::POST, format!("http://{address}/auth/refresh"));
        let response = refresh.cookie(&newcomer.token).send().await.assert_ended("unknown");
        assert!(response.clears_cookie());
        let again = json!({"email": "newcomer@example.org", "password": PASSWORD});
        server.post("/auth/register").json(&again).send().await.assert_status(201);

        let log = server.kill();
        let restored = log.lines().filter(|line| line.contains("generation_restored")).count();
        assert_eq!(restored, USERS, "one event per session that was behind: {log}");
        assert!(!log.contains("reuse_detected"), "{log}");
    }
}
