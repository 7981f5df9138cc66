//! Response times of `/admin` with a million users: searches, session lists and events, over HTTP.
//!
//! `users import` creates the users, and SQL their sessions and events, because half a million logins would take a day. Runs on
//! PostgreSQL if `LATCHKEY_TEST_DATABASE_URL` is set, otherwise on SQLite.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use auth_server::{CommandLine, cli};
use awc::http::Method;
use bench::{BenchServer, Latencies, PASSWORD, millis, settings};
use clap::Parser;
use serde_json::{Value, json};
use test_support::{Call, Response, TestDatabase};

/// The limit for the median of each call.
const LIMIT: Duration = Duration::from_millis(50);
const ADMINISTRATOR: &str = "administrator@example.org";

/// Fills a database with users, sessions and events, and measures the calls of administrators.
///
/// Exit status: 0 if the median of each call is below 50 ms, 1 otherwise.
#[derive(Parser)]
struct Arguments {
    /// Number of users
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..))]
    users: u32,

    /// Number of active sessions, in addition to one per call
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(100..))]
    sessions: u32,

    /// Repetitions of each call
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
}

struct Bench {
    server: BenchServer,
    client: awc::Client,
    token: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let passed = System::new().block_on(run(&arguments));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(arguments: &Arguments) -> bool {
    let database = TestDatabase::fresh();
    let name = if database.is_postgres() { "PostgreSQL" } else { "SQLite" };
    println!("administration: {} users and {} sessions, {name}", arguments.users, arguments.sessions);
    let server = BenchServer::on(database);
    let client = test_support::client();
    server.register(&client, ADMINISTRATOR).await;

    import(&server, arguments.users).await;
    let started = Instant::now();
    fill(server.database(), arguments.sessions);
    println!("  sessions and events created in {:.0} s", started.elapsed().as_secs_f64());

    let login = json!({"email": ADMINISTRATOR, "password": PASSWORD});
    let response = server.post(&client, "/auth/login").json(&login).send().await.assert_status(200);
    let token = response.refresh_cookie().expect("a cookie");
    Bench { server, client, token }.measure(arguments).await
}

/// Imports users with the command, from a file.
async fn import(server: &BenchServer, users: u32) {
    let hash = server.database().db_text("SELECT password_hash AS value FROM users");
    let path = std::env::temp_dir().join(format!("latchkey-users-{}.jsonl", std::process::id()));
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    for number in 0..users {
        let (email, username) = (email(number), format!("user{number:07}"));
        let user = json!({"email": email, "username": username, "password_hash": hash});
        writeln!(file, "{user}").expect("a line");
    }
    file.into_inner().expect("a file");

    let words = ["auth-server", "users", "import", path.to_str().expect("UTF-8")];
    let command = CommandLine::try_parse_from(words).expect("a command line").command;
    let started = Instant::now();
    let settings = settings(&server.database().url).expect("settings");
    cli::run(&settings, command.expect("a command")).await.expect("an import");
    std::fs::remove_file(path).expect("the file");
    println!("  imported in {:.0} s", started.elapsed().as_secs_f64());
}

/// Spread over the alphabet.
fn email(number: u32) -> String {
    let letters: String = [17_576, 676, 26, 1]
        .map(|weight| char::from(b'a' + u8::try_from(number / weight % 26).unwrap_or(0)))
        .iter()
        .collect();
    format!("{letters}.{number}@example.org")
}

/// One session for half of the users and fifty for the administrator; two events per user, and a burst of failures.
fn fill(database: &TestDatabase, sessions: u32) {
    let (id, hash, analyze) = if database.is_postgres() {
        ("gen_random_uuid()::text", "decode(repeat('00', 32), 'hex')", "VACUUM ANALYZE")
    } else {
        let random =
            "substr(hex(randomblob(4)), 1, 8) || '-0000-4000-8000-' || substr(hex(randomblob(6)), 1, 12)";
        (random, "zeroblob(32)", "ANALYZE")
    };
    // The server's clock is the real one.
    let now = database.db_text("SELECT CAST(MAX(created_at) AS TEXT) AS value FROM users");
    let columns = "id, user_id, client_id, generation, secret_hash, rotated_at, delivery, remember, auth_time, created_at, \
                   idle_expires_at, expires_at, ip, user_agent";
    let values = format!(
        "lower({id}), users.id, 'web', 3, {hash}, created_at, 'refresh_cookie', TRUE, created_at, created_at, \
         '2099-01-01 00:00:00', '2099-01-01 00:00:00', '203.0.113.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0'"
    );
    database.db_execute(&format!(
        "INSERT INTO sessions ({columns}) SELECT {values} FROM (SELECT * FROM users LIMIT {sessions}) AS users"
    ));
    let fifty = "(SELECT id AS other FROM users LIMIT 50) AS fifty";
    database.db_execute(&format!(
        "INSERT INTO sessions ({columns}) SELECT {values} FROM users, {fifty} WHERE email = '{ADMINISTRATOR}'"
    ));
    for kind in ["registered", "login_succeeded"] {
        database.db_execute(&format!(
            "INSERT INTO events (at, type, user_id, ip) SELECT created_at, '{kind}', id, '203.0.113.' || (length(email) % 9) FROM users"
        ));
    }
    database.db_execute(&format!(
        "INSERT INTO events (at, type, user_id, ip) SELECT '{now}', 'login_failed', id, '198.51.100.1' FROM users LIMIT 10000"
    ));
    database.db_execute(&format!(r#"UPDATE users SET roles = '["admin"]' WHERE email = '{ADMINISTRATOR}'"#));
    database.db_execute(analyze);
}

impl Bench {
    async fn measure(&self, arguments: &Arguments) -> bool {
        let middle = arguments.users / 2;
        let user = self.get(&format!("/admin/users?q={}", email(middle))).await.json();
        let id = user["items"][0]["id"].as_str().expect("the user").to_owned();
        let deep = self.deep("/admin/users?limit=200", 20).await;
        let older = self.deep("/admin/events?limit=200", 20).await;
        let prefix = &email(middle)[..3];
        let table = [
            ("users, first page", "/admin/users".to_owned()),
            ("users, page 20", format!("/admin/users?limit=200&cursor={deep}")),
            ("search, three letters", format!("/admin/users?q={prefix}")),
            ("search, username", format!("/admin/users?q=user{middle:07}")),
            ("search, e-mail", format!("/admin/users?q={}", email(middle))),
            ("search, no match", "/admin/users?q=zzzzzz".to_owned()),
            ("one user", format!("/admin/users/{id}")),
            ("their sessions", format!("/admin/users/{id}/sessions")),
            ("own sessions (51)", "/auth/sessions".to_owned()),
            ("own events", "/auth/events".to_owned()),
            ("events, first page", "/admin/events".to_owned()),
            ("events, page 20", format!("/admin/events?limit=200&cursor={older}")),
            ("events of a user", format!("/admin/events?user={id}")),
            ("events of a type", "/admin/events?type=login_failed".to_owned()),
            ("events of a rare type", "/admin/events?type=key_made".to_owned()),
            ("events of no type yet", "/admin/events?type=user_deleted".to_owned()),
            ("events from an address", "/admin/events?ip=203.0.113.7".to_owned()),
            ("of type, from address", "/admin/events?type=registered&ip=198.51.100.1".to_owned()),
            ("events until long ago", "/admin/events?until=2020-01-01T00:00:00Z".to_owned()),
        ];
        println!();
        println!("  {:<24}{:>8}{:>14}{:>14}", "", "items", "p50", "p99");
        let mut passed = true;
        for (name, path) in table {
            let (items, all) = self.time(&path, arguments.calls).await;
            let [p50, p99] = [50, 99].map(|percent| millis(all.percentile(percent)));
            println!("  {name:<24}{items:>8}{p50:>14}{p99:>14}");
            passed &= all.median() < LIMIT;
        }
        if !passed {
            println!("  some are slower than the limit of {}", millis(LIMIT));
        }
        passed
    }

    async fn time(&self, path: &str, calls: u32) -> (usize, Latencies) {
        let mut measured = Vec::new();
        let mut items = 0;
        for _ in 0..calls {
            let started = Instant::now();
            let response = self.get(path).await;
            measured.push(started.elapsed());
            let body = response.json();
            items =
                ["items", "sessions"].iter().filter_map(|name| body[*name].as_array()).map(Vec::len).sum();
        }
        (items, Latencies::of(measured).expect("at least one call"))
    }

    /// The cursor after this number of pages.
    async fn deep(&self, path: &str, pages: u32) -> String {
        let mut cursor = String::new();
        for page in 0..pages {
            let path = if page == 0 { path.to_owned() } else { format!("{path}&cursor={cursor}") };
            let body = self.get(&path).await.json();
            match &body["next_cursor"] {
                Value::String(next) => cursor.clone_from(next),
                _ => break,
            }
        }
        cursor
    }

    async fn get(&self, path: &str) -> Response {
        let call = Call::through(&self.client, Method::GET, format!("{}{path}", self.server.url()));
        call.cookie(&self.token).send().await.assert_status(200)
    }
}
