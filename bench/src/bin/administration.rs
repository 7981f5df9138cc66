//! Response times of `/admin` with a million users: searches, session lists and events, over HTTP.
//!
//! `users import` creates the users, and SQL their sessions and events, because millions of logins would take weeks. Runs on
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

/// The limit for the median of each call, and of those that filter, sort or count.
const LIMIT: Duration = Duration::from_millis(50);
const FILTER_LIMIT: Duration = Duration::from_millis(100);
/// How long maintenance may take to count the events.
const COUNTED_WITHIN: Duration = Duration::from_secs(1800);
const ADMINISTRATOR: &str = "administrator@example.org";

/// Fills a database with users, sessions and events, and measures the calls of administrators.
///
/// Exit status: 0 if the median of each call is below 50 ms, or 100 ms if it filters, sorts or counts; 1 otherwise.
#[derive(Parser)]
struct Arguments {
    /// Number of users
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..))]
    users: u32,

    /// Number of active sessions, in addition to one per call
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(100..))]
    sessions: u32,

    /// Number of events
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u32).range(1000..))]
    events: u32,

    /// An empty database to fill and keep, or one that this filled before: postgres://… or sqlite://…
    #[arg(long, value_name = "URL")]
    database: Option<String>,

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
    let database = arguments.database.clone().map_or_else(TestDatabase::fresh, TestDatabase::kept);
    let name = if database.is_postgres() { "PostgreSQL" } else { "SQLite" };
    let Arguments { users, sessions, events, .. } = arguments;
    println!("administration: {users} users, {sessions} sessions and {events} events, {name}");
    let server = BenchServer::on(database);
    let client = test_support::client();
    if server.database().db_texts("SELECT email AS value FROM users LIMIT 1").is_empty() {
        server.register(&client, ADMINISTRATOR).await;
        import(&server, arguments.users).await;
        let started = Instant::now();
        fill(server.database(), arguments);
        println!("  sessions and events created in {:.0} s", started.elapsed().as_secs_f64());
    }
    let started = Instant::now();
    wait_until_counted(server.database());
    println!("  events counted by maintenance after {:.0} s", started.elapsed().as_secs_f64());

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
    let settings = settings(&server.database().url, &[]).expect("settings");
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
fn fill(database: &TestDatabase, arguments: &Arguments) {
    let Arguments { users, sessions, events, .. } = *arguments;
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
    let others = events.saturating_sub(2 * users + 10_000);
    fill_events(database, &now, others);
    vary_users(database);
    database.db_execute(&format!(r#"UPDATE users SET roles = '["admin"]' WHERE email = '{ADMINISTRATOR}'"#));
    database.db_execute(analyze);
}

/// Four weeks of logins, failures and others, of users who may no longer exist.
fn fill_events(database: &TestDatabase, now: &str, events: u32) {
    let seconds = f64::from(4 * 7 * 24 * 3600) / f64::from(events.max(1));
    let at = if database.is_postgres() {
        format!("TIMESTAMP '{now}' - number * INTERVAL '{seconds:.9} seconds'")
    } else {
        format!("strftime('%Y-%m-%d %H:%M:%f', '{now}', '-' || (number * {seconds:.9}) || ' seconds')")
    };
    let mut first = 1;
    while first <= events {
        let last = events.min(first + 999_999);
        database.db_execute(&format!(
            "WITH RECURSIVE numbers (number) AS \
             (SELECT {first} UNION ALL SELECT number + 1 FROM numbers WHERE number < {last}) \
             INSERT INTO events (at, type, user_id, session_id, ip, user_agent) SELECT {at}, \
             CASE WHEN number % 9973 = 0 THEN 'roles_changed' WHEN number % 10 = 0 THEN 'login_failed' \
             WHEN number % 10 = 1 THEN 'session_ended' ELSE 'login_succeeded' END, \
             '00000000-0000-4000-8000-' || substr(CAST(100000000000 + number % 1000003 AS TEXT), 1, 12), \
             '00000000-0000-4000-9000-' || substr(CAST(100000000000 + number AS TEXT), 1, 12), \
             '203.0.113.' || (number % 256), 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0' FROM numbers"
        ));
        first = last + 1;
    }
}

/// A tenth never logged in, a tenth is verified, a thousandth is disabled; roles that all, many and few have.
fn vary_users(database: &TestDatabase) {
    let number = "CAST(substr(username, 5) AS INTEGER)";
    let before = |days: &str| {
        if database.is_postgres() {
            format!("created_at - ({days}) * INTERVAL '1 day'")
        } else {
            format!("strftime('%Y-%m-%d %H:%M:%f', created_at, '-' || ({days}) || ' days')")
        }
    };
    let login = before(&format!("{number} % 365"));
    database.db_execute(&format!(
        "UPDATE users SET \
         last_login_at = CASE WHEN {number} % 10 = 3 THEN NULL ELSE {login} END, \
         email_verified_at = CASE WHEN {number} % 10 = 5 THEN created_at END, \
         disabled_at = CASE WHEN {number} % 1009 = 7 THEN created_at END, \
         roles = CASE WHEN {number} % 100003 = 11 THEN '[\"auditor\",\"user\"]' WHEN {number} % 50 = 9 THEN '[\"user\",\"editor\"]' \
         ELSE '[\"user\"]' END WHERE username IS NOT NULL"
    ));
}

/// Maintenance counts them in the background, a minute after it has seen them.
fn wait_until_counted(database: &TestDatabase) {
    let started = Instant::now();
    let rest =
        "SELECT CAST((SELECT MAX(id) FROM events) - counted_up_to AS TEXT) AS value FROM event_counter";
    while database.db_text(rest).parse::<i64>().expect("a number") > 10_000 {
        assert!(started.elapsed() < COUNTED_WITHIN, "maintenance does not count the events");
        std::thread::sleep(Duration::from_secs(1));
    }
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
            ("  among many others", "/admin/events?type=registered&ip=203.0.113.200".to_owned()),
            ("events until long ago", "/admin/events?until=2020-01-01T00:00:00Z".to_owned()),
        ];
        let received = self.get("/admin/events?limit=1").await.json();
        let received = received["cursor"].as_str().expect("a cursor").to_owned();
        let sorted = self.deep("/admin/users?limit=200&sort=-last_login_at", 20).await;
        let long_ago = if self.server.database().is_postgres() {
            "to_char(MAX(created_at) - INTERVAL '300 days', 'YYYY-MM-DD')"
        } else {
            "strftime('%Y-%m-%d', MAX(created_at), '-300 days')"
        };
        let long_ago = self.server.database().db_text(&format!("SELECT {long_ago} AS value FROM users"));
        let long_ago = format!("{long_ago}T00:00:00Z");
        let filters = [
            ("overview", "/admin/overview".to_owned()),
            ("users, newest", "/admin/users?sort=-created_at".to_owned()),
            ("users, last login", "/admin/users?sort=-last_login_at".to_owned()),
            ("  page 20", format!("/admin/users?limit=200&sort=-last_login_at&cursor={sorted}")),
            ("users, all have the role", "/admin/users?role=user".to_owned()),
            ("  2 % have it", "/admin/users?role=editor&sort=-last_login_at".to_owned()),
            ("  few have it", "/admin/users?role=auditor&sort=-created_at".to_owned()),
            ("  none has it", "/admin/users?role=nothing".to_owned()),
            ("users, disabled", "/admin/users?status=disabled".to_owned()),
            ("  and an editor", "/admin/users?status=disabled&role=editor&sort=-last_login_at".to_owned()),
            ("users, unverified", "/admin/users?status=unverified&sort=-created_at".to_owned()),
            ("users, active", "/admin/users?status=active&sort=-last_login_at".to_owned()),
            ("users, never logged in", "/admin/users?last_login=never".to_owned()),
            ("users, not for long", format!("/admin/users?last_login_before={long_ago}&sort=email")),
            (
                "  unverified editors",
                format!("/admin/users?last_login_before={long_ago}&status=unverified&role=editor"),
            ),
            (
                "search, and last login",
                format!("/admin/users?q=user&sort=-last_login_at&last_login_before={long_ago}"),
            ),
            (
                "search, and rare",
                format!("/admin/users?q={prefix}&status=unverified&role=auditor&sort=-created_at"),
            ),
            ("sessions of all", "/admin/sessions".to_owned()),
            ("  from an address", "/admin/sessions?ip=198.51.100.7".to_owned()),
            (
                "events of three types",
                "/admin/events?type=login_failed&type=key_made&type=roles_changed".to_owned(),
            ),
            ("  of a user", format!("/admin/events?type=login_failed&type=key_made&user={id}")),
            ("new events", format!("/admin/events?after={received}")),
        ];
        let table = table.map(|(name, path)| (name, path, LIMIT));
        let filters = filters.map(|(name, path)| (name, path, FILTER_LIMIT));
        println!();
        println!("  {:<24}{:>8}{:>14}{:>14}", "", "items", "p50", "p99");
        let mut passed = true;
        for (name, path, limit) in table.into_iter().chain(filters) {
            let (items, all) = self.time(&path, arguments.calls).await;
            let [p50, p99] = [50, 99].map(|percent| millis(all.percentile(percent)));
            println!("  {name:<24}{items:>8}{p50:>14}{p99:>14}");
            if all.median() >= limit {
                println!("  slower than the limit of {}", millis(limit));
                passed = false;
            }
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
