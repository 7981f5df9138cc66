//! `POST /auth/refresh`.

use std::path::PathBuf;
use std::thread;

use test_support::TestDatabase;

use super::limits::{pgbench, sqlite_commits};
use super::population::Population;
use super::servers::Server;
use super::{Bound, Lab, Side};
use crate::PASSWORD;
use crate::load::{self, Plan, REGISTER_PATH, Tokens, Traffic, credentials, open_sessions};

pub const CONNECTIONS: usize = 64;
/// Enough that PostgreSQL rarely waits for the lock of a row.
const SESSIONS: u32 = 10_000;

pub fn on_postgres(lab: &mut Lab) {
    // The generations that pgbench counts up would be unknown to the holders of the tokens.
    let for_pgbench = Population::create(&lab.options.postgres, SESSIONS, "refresh_cookie");
    let population = Population::create(&lab.options.postgres, SESSIONS, "body");
    let server = Server::auth(&population.database.url);
    let mut tokens = population.refresh_tokens(&server.url(), SESSIONS);
    let others = Traffic::refreshes(&server.host, tokens.split_off(tokens.len() / 2));
    let traffic = Traffic::refreshes(&server.host, tokens);

    let length = lab.options.length;
    let [refreshes, updates] = lab.in_turn(
        |lab| lab.load(&server.host, &traffic, CONNECTIONS).per_second(),
        |_| pgbench(&for_pgbench.database.url, SESSIONS, length),
    );
    let refreshes = Side::new("POST /auth/refresh, 64 connections", "/s", refreshes);
    let half = refreshes.median() / 2.0;
    lab.row(
        "refresh, PostgreSQL / pgbench, guarded UPDATE … RETURNING",
        Bound::AtLeast { goal: 1.0, limit: 0.5 },
        refreshes,
        Side::new("pgbench, prepared, 16 clients", "/s", updates),
    );
    at_half_load(lab, "refresh, PostgreSQL: p99 / p50 at half of that load", &server, &traffic, half);
    two_servers(lab, &population, &server, traffic, others);
}

fn two_servers(lab: &mut Lab, population: &Population, one: &Server, traffic: Traffic, others: Traffic) {
    let two = Server::auth_for(&population.database.url, Some(&one.url()));
    let (mut traffic, mut others) = (traffic, others);
    let plan = lab.plan(CONNECTIONS / 2);
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..lab.options.rounds {
        alone.push(lab.load(&one.host, &traffic, CONNECTIONS).per_second());
        let (first, second, host) = (&mut traffic, &mut others, two.host.as_str());
        let measured = thread::scope(|scope| {
            let other = scope.spawn(move || load::run(host, second, plan));
            [load::run(&one.host, first, plan), other.join().expect("a load")]
        });
        for one in &measured {
            lab.check(one);
        }
        together.push(measured.iter().map(load::Measurement::per_second).sum());
    }
    lab.row(
        "refresh: two auth servers on one PostgreSQL / one",
        Bound::None,
        Side::new("two servers, 32 connections each", "/s", together),
        Side::new("one server, 64 connections", "/s", alone),
    );
}

pub fn on_sqlite(lab: &mut Lab) {
    let [database, for_loop] = [TestDatabase::on_sqlite(), TestDatabase::on_sqlite()];
    drop(sessions(&Server::auth(&for_loop.url).host, CONNECTIONS));
    let file = PathBuf::from(for_loop.url.trim_start_matches("sqlite://"));
    let server = Server::auth(&database.url);
    let traffic = refreshes(&server, CONNECTIONS);

    let length = lab.options.length;
    let [refreshes, commits] = lab.in_turn(
        |lab| lab.load(&server.host, &traffic, CONNECTIONS).per_second(),
        |_| sqlite_commits(&file, length),
    );
    let refreshes = Side::new("POST /auth/refresh, 64 connections", "/s", refreshes);
    let half = refreshes.median() / 2.0;
    lab.row(
        "refresh, SQLite / durable commits in one thread",
        Bound::AtLeast { goal: 3.0, limit: 2.0 },
        refreshes,
        Side::new("one UPDATE per commit, synchronous=FULL", "/s", commits),
    );
    at_half_load(lab, "refresh, SQLite: p99 / p50 at half of that load", &server, &traffic, half);
}

fn at_half_load(lab: &mut Lab, what: &'static str, server: &Server, traffic: &Traffic, rate: f64) {
    let plan = Plan { rate: Some(rate), ..lab.plan(CONNECTIONS) };
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..lab.options.rounds {
        let measured = lab.send(&server.host, traffic, plan);
        p50.push(measured.millis(50));
        p99.push(measured.millis(99));
    }
    let bound = Bound::AtMost { goal: 4.0, limit: 6.0 };
    lab.row(what, bound, Side::new("p99", "ms", p99), Side::new("p50", "ms", p50));
}

/// Refreshes of new sessions, one per user.
fn refreshes(server: &Server, count: usize) -> Traffic {
    let tokens = sessions(&server.host, count).into_iter().map(|session| session.refresh);
    Traffic::refreshes(&server.host, tokens.collect())
}

/// Registers users, and returns the tokens of their sessions.
pub fn sessions(host: &str, count: usize) -> Vec<Tokens> {
    open_sessions(host, REGISTER_PATH, &users(count)).expect("sessions")
}

/// The credentials of as many users.
pub fn users(count: usize) -> Vec<String> {
    (0..count).map(|number| credentials(&format!("user{number}@example.org"), PASSWORD)).collect()
}
