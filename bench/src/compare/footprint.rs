//! Memory and start of the auth server with an existing database.

use std::thread::sleep;
use std::time::Duration;

use test_support::TestDatabase;

use super::servers::Server;
use super::{Bound, Lab, Side};

const IDLE: Duration = Duration::from_secs(2);
/// In MB.
const MEMORY: f64 = 25.0;
/// In milliseconds.
const READY: f64 = 150.0;
const STARTS: usize = 5;

pub fn measure(lab: &mut Lab) {
    let sqlite = TestDatabase::on_sqlite();
    let postgres = TestDatabase::on_postgres(lab.options.postgres.clone());
    for (database, memory, ready) in [
        (
            &sqlite,
            "auth server, SQLite: idle memory / 25 MB",
            "auth server, SQLite: start until ready / 150 ms",
        ),
        (
            &postgres,
            "auth server, PostgreSQL: idle memory / 25 MB",
            "auth server, PostgreSQL: start until ready / 150 ms",
        ),
    ] {
        // Creates the tables and the signing key.
        drop(Server::auth(&database.url));
        let resident = (0..lab.options.rounds).map(|_| {
            let server = Server::auth(&database.url);
            sleep(IDLE);
            server.resident_memory()
        });
        let resident = resident.collect();
        let times = (0..STARTS).map(|_| Server::ready_time(&database.url).as_secs_f64() * 1000.0).collect();
        let bound = Bound::AtMost { goal: 1.0, limit: 1.0 };
        lab.row(
            memory,
            bound,
            Side::new("resident memory", "MB", resident),
            Side::new("limit", "MB", vec![MEMORY]),
        );
        lab.row(
            ready,
            bound,
            Side::new("first 200 of /readyz", "ms", times),
            Side::new("limit", "ms", vec![READY]),
        );
    }
}
