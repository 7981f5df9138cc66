//! `POST /auth/login`, and refreshes meanwhile.

use std::thread;
use std::time::Duration;

use test_support::TestDatabase;

use super::limits::password_hashes;
use super::refresh::{sessions, users};
use super::servers::Server;
use super::{Bound, Lab, Side, WARM_UP};
use crate::load::{self, LOGIN_PATH, Plan, Traffic, post};

const USERS: usize = 256;
/// All of them are hashed or queued.
const CONNECTIONS: usize = 16;
/// How much more is sent than the server can hash.
const FLOOD: f64 = 5.0;
/// More than the server hashes and queues, so that a free one sends the next login on time.
const FLOOD_CONNECTIONS: usize = 400;
/// Few enough that the refreshes themselves do not load the server.
const REFRESHES_PER_SECOND: f64 = 200.0;
/// Until the queue is full.
const FLOOD_WARM_UP: Duration = Duration::from_secs(2);

pub fn measure(lab: &mut Lab) {
    let requests = |server: &Server| -> Vec<_> {
        users(USERS).iter().map(|body| post(&server.host, LOGIN_PATH, body)).collect()
    };

    let embedded = TestDatabase::on_sqlite();
    let server = Server::auth(&embedded.url);
    sessions(&server.host, USERS);
    logins(lab, "logins, SQLite / argon2id hashes on the same cores", &server, requests(&server));
    drop(server);

    let database = TestDatabase::on_postgres(lab.options.postgres.clone());
    let server = Server::auth(&database.url);
    let sessions = sessions(&server.host, USERS);
    let what = "logins, PostgreSQL / argon2id hashes on the same cores";
    let rate = FLOOD * logins(lab, what, &server, requests(&server));
    let refreshes = sessions.into_iter().map(|session| session.refresh).collect();
    let refreshes = Traffic::refreshes(&server.host, refreshes);
    flooded(lab, &server, &refreshes, &mut Traffic::accepting(&[200, 503], requests(&server)), rate);
}

/// The logins per second.
fn logins(lab: &mut Lab, what: &'static str, server: &Server, requests: Vec<Vec<u8>>) -> f64 {
    let traffic = Traffic::prepared(requests);
    // A login takes tens of milliseconds.
    let plan = Plan { length: lab.options.length * 2, ..lab.plan(CONNECTIONS) };
    let length = lab.options.length;
    let [logins, hashes] =
        lab.in_turn(|lab| lab.send(&server.host, &traffic, plan).per_second(), |_| password_hashes(length));
    let logins = Side::new("POST /auth/login", "/s", logins);
    let rate = logins.median();
    lab.row(
        what,
        Bound::AtLeast { goal: 0.97, limit: 0.95 },
        logins,
        Side::new("argon2id, 19 MiB, 2 passes, all cores", "/s", hashes),
    );
    rate
}

fn flooded(lab: &mut Lab, server: &Server, refreshes: &Traffic, flood: &mut Traffic, rate: f64) {
    let refreshing = Plan {
        rate: Some(REFRESHES_PER_SECOND),
        warm_up: FLOOD_WARM_UP,
        length: lab.options.length * 2,
        connections: CONNECTIONS,
    };
    let flooding = Plan {
        rate: Some(rate),
        warm_up: Duration::ZERO,
        length: FLOOD_WARM_UP + refreshing.length,
        connections: FLOOD_CONNECTIONS,
    };
    let (mut quiet, mut during) = (Vec::new(), Vec::new());
    for _ in 0..lab.options.rounds {
        quiet.push(lab.send(&server.host, refreshes, Plan { warm_up: WARM_UP, ..refreshing }).millis(99));
        let (flood, host) = (&mut *flood, server.host.as_str());
        let flooded = thread::scope(|scope| {
            let logins = scope.spawn(move || load::run(host, flood, flooding));
            let measured = lab.send(&server.host, refreshes, refreshing);
            lab.check(&logins.join().expect("a flood"));
            measured
        });
        during.push(flooded.millis(99));
    }
    lab.row(
        "refresh p99 during a flood of logins (5 × capacity) / without",
        Bound::AtMost { goal: 2.0, limit: 3.0 },
        Side::new("p99 of 200 refreshes/s, during the flood", "ms", during),
        Side::new("p99 of 200 refreshes/s", "ms", quiet),
    );
}
