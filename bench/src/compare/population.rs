//! A PostgreSQL database with many sessions, and the refresh tokens of some of them.

use std::process::Command;

use test_support::TestDatabase;

use super::servers::{REFRESH_SECRET, Server};
use super::tokens::refresh_token;

const SESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/sessions.sql");

/// A schema of its own, with sessions. The auth server creates its tables.
pub struct Population {
    pub database: TestDatabase,
    pub sessions: u32,
}

impl Population {
    /// Creates it on the PostgreSQL server with this URL. `delivery`: how the sessions get their tokens.
    pub fn create(postgres: &str, sessions: u32, delivery: &str) -> Self {
        let database = TestDatabase::on_postgres(postgres.to_owned());
        drop(Server::auth(&database.url));
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--file", SESSIONS])
            .args([format!("--set=sessions={sessions}"), format!("--set=delivery={delivery}")])
            .arg(&database.url)
            .output()
            .expect("psql");
        assert!(output.status.success(), "psql failed: {}", String::from_utf8_lossy(&output.stderr));
        // Otherwise the checkpoint happens during a measurement.
        database.db_execute("CHECKPOINT");
        Self { database, sessions }
    }

    /// The refresh tokens of random sessions, as an auth server signs them.
    pub fn refresh_tokens(&self, issuer: &str, count: u32) -> Vec<String> {
        let numbers = if count < self.sessions {
            format!(
                "SELECT DISTINCT 1 + floor(random() * {})::int AS n FROM generate_series(1, {count})",
                self.sessions
            )
        } else {
            format!("SELECT n FROM generate_series(1, {}) AS n ORDER BY random()", self.sessions)
        };
        let query = format!(
            "SELECT md5('session ' || n)::uuid || ' ' || left(md5('secret ' || n), 21) || 'A' AS value FROM ({numbers}) AS numbers"
        );
        let sessions = self.database.db_texts(&query);
        let sessions = sessions.iter().map(|line| line.split_once(' ').expect("two values"));
        sessions.map(|(id, secret)| refresh_token(issuer, REFRESH_SECRET, id, secret)).collect()
    }
}
