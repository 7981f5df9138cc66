//! What the hardware and the database allow: tight loops without a server.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;

use crate::{PASSWORD, available_cores};

/// The default settings of the auth server.
const MEMORY_KIB: u32 = 19456;
const PASSES: u32 = 2;
/// The file of the guarded UPDATE.
const ROTATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/rotate.sql");
pub const PGBENCH_CLIENTS: &str = "16";

/// Runs an action repeatedly, and returns how often per second.
fn per_second(length: Duration, mut action: impl FnMut()) -> f64 {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < length {
        action();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// What all cores do together. A core is slower while the others are busy, as they are under load.
fn on_all_cores(per_second: impl Fn() -> f64 + Sync) -> f64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..available_cores()).map(|_| scope.spawn(&per_second)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a rate")).sum()
    })
}

/// ES256 signatures of different tokens that all cores verify per second.
pub fn verifications(public_key: &[u8], tokens: &[String], length: Duration) -> f64 {
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key).expect("a key");
    let signed: Vec<_> = tokens.iter().map(|token| token.rsplit_once('.').expect("a signature")).collect();
    on_all_cores(|| {
        let mut tokens = signed.iter().cycle();
        per_second(length, || {
            let (message, signature) = tokens.next().expect("a token");
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
            key.verify_sig(message.as_bytes(), &signature).expect("a valid token");
        })
    })
}

/// argon2id hashes per second of all cores, with the server's settings and without allocations.
pub fn password_hashes(length: Duration) -> f64 {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).expect("parameters");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    on_all_cores(|| {
        let mut memory = vec![Block::default(); params.block_count()];
        let mut output = [0; 32];
        per_second(length, || {
            let salt = b"a salt, 16 bytes";
            argon2
                .hash_password_into_with_memory(PASSWORD.as_bytes(), salt, &mut output, &mut memory)
                .expect("a hash");
        })
    })
}

/// Durable commits per second of one thread, each of the guarded UPDATE of one row, with the pragmas of the server. The database
/// is one of the auth server with at least one session.
pub fn sqlite_commits(file: &Path, length: Duration) -> f64 {
    let mut connection = SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("SQLite");
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
        .expect("pragmas");
    let ids = diesel::sql_query("SELECT id FROM sessions").load::<SessionId>(&mut connection).expect("ids");
    let mut ids = ids.iter().cycle();
    per_second(length, || {
        let id = &ids.next().expect("a session").id;
        let rotated: Vec<i64> = Rotation { id }.load(&mut connection).expect("a commit");
        assert_eq!(rotated.len(), 1);
    })
}

#[derive(QueryableByName)]
struct SessionId {
    #[diesel(sql_type = Text)]
    id: String,
}

/// A prepared statement. Diesel does not cache those of `sql_query`.
struct Rotation<'a> {
    id: &'a str,
}

impl QueryId for Rotation<'_> {
    type QueryId = Rotation<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Rotation<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE sessions SET generation = generation + 1, rotated_at = CURRENT_TIMESTAMP, \
             idle_expires_at = DATETIME('now', '+7 days'), idempotency_key_hash = NULL, redeliveries = 0 WHERE id = ",
        );
        out.push_bind_param::<Text, _>(self.id)?;
        out.push_sql(
            " AND generation BETWEEN 0 AND 9007199254740991 AND ended_at IS NULL \
             AND expires_at > CURRENT_TIMESTAMP AND idle_expires_at > CURRENT_TIMESTAMP RETURNING generation",
        );
        Ok(())
    }
}

impl Query for Rotation<'_> {
    type SqlType = BigInt;
}

impl RunQueryDsl<SqliteConnection> for Rotation<'_> {}

/// Guarded UPDATEs per second of pgbench, on a database with this number of sessions.
pub fn pgbench(database: &str, sessions: u32, length: Duration) -> f64 {
    let seconds = length.as_secs().max(1).to_string();
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--client", PGBENCH_CLIENTS, "--time", &seconds])
        .args(["--define", &format!("sessions={sessions}"), "--file", ROTATION, database])
        .output()
        .expect("pgbench");
    let text = String::from_utf8_lossy(&output.stdout);
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split(' ').next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("pgbench failed:\n{text}{}", String::from_utf8_lossy(&output.stderr)))
}
