//! `auth-server users import`, as an operator runs it.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use serde_json::{Value, json};
use shared_claims::Clock as _;
use tempfile::NamedTempFile;
use test_support::{TestDatabase, evidence};

use crate::app::{PASSWORD, TestApp};
use crate::program;

/// Hash of [`PASSWORD`] by Django 5.2.19, at a low cost.
pub const HASH: &str =
    "pbkdf2_sha256$1000$djangoSalt0123456789ab$S8PEoYben78GX28VXKQDvyzAJYfCoDthXfr823G58Ms=";

pub struct Outcome {
    succeeded: bool,
    out: String,
    errors: Vec<String>,
}

fn command(database: &TestDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    command.env_clear().env("DATABASE_URL", &database.url).env("RUST_LOG", "off");
    command.args(["users", "import", "--json"]).args(arguments);
    command
}

pub fn import(database: &TestDatabase, lines: &[Value], arguments: &[&str]) -> Outcome {
    import_with(database, lines, arguments, &[])
}

fn import_with(
    database: &TestDatabase,
    lines: &[Value],
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Outcome {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text(lines).as_bytes()).expect("a file");
    let path = file.path().to_str().expect("a path").to_owned();
    let mut command = command(database, &[&[path.as_str()], arguments].concat());
    let output = command.envs(environment.iter().copied()).output().expect("the program");
    evidence::exposed(evidence::Sink::Error, &output.stderr);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome {
        succeeded: output.status.success(),
        out: text(output.stdout),
        errors: text(output.stderr).lines().map(str::to_owned).collect(),
    }
}

fn text(lines: &[Value]) -> String {
    lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
}

impl Outcome {
    /// Asserts the counts of imported, existing and rejected users, and the exit status.
    pub fn assert_counts(&self, counts: [u64; 3]) -> &Self {
        let [imported, already_there, rejected] = counts;
        let expected = json!({"imported": imported, "already_there": already_there, "rejected": rejected});
        let report: Value = serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{:?}", self.errors));
        assert_eq!(report, expected, "{:?}", self.errors);
        assert_eq!(self.succeeded, rejected == 0);
        self
    }

    pub fn assert_errors(&self, errors: &[&str]) {
        assert_eq!(self.errors, errors);
    }
}

async fn migrated() -> TestDatabase {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    database
}

fn users(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"email": format!("p{number}@example.org"), "password": HASH})).collect()
}

fn count(database: &TestDatabase) -> usize {
    let count = database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users");
    count.parse().expect("a number")
}

#[actix_web::test]
async fn imported_users_keep_their_data() {
    let app = TestApp::start().await;
    let id = "97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1";
    let ann = json!({
        "email": "Ann@Example.org", "password_hash": HASH, "username": "Ann", "name": "Ann B.", "id": id,
        "roles": ["editor"], "claims": {"plan": "team"}, "created_at": "2020-02-03T04:05:06Z",
        "email_verified": true,
    });
    let bob = json!({"email": "bob@example.org", "password_hash": HASH, "disabled": true});
    import(&app.database, &[ann, bob], &[]).assert_counts([2, 0, 0]);
    let login = json!({"username": "ann", "password": PASSWORD});
    let response = app.post("/auth/login").json(&login).send().await.assert_status(200).json();
    let user = json!({
        "id": id, "email": "ann@example.org", "email_verified": true, "username": "ann", "name": "Ann B.", "locale": null, "roles": ["editor"],
        "second_factor": false, "roles_withheld": [],
    });
    assert_eq!(response["user"], user);
    let token = response["access_token"].as_str().expect("a token");
    assert_eq!(crate::app::claims(token)["plan"], "team");
    let created =
        app.database.db_text("SELECT CAST(created_at AS TEXT) AS value FROM users WHERE username = 'ann'");
    assert!(created.replace('T', " ").starts_with("2020-02-03 04:05:06"), "{created}");
    app.try_login("bob", &json!({})).await.assert_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn an_imported_authenticator_app_is_asked_for_and_the_first_login_returns_recovery_codes() {
    let app = TestApp::start().await;
    let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let user = |name: &str, totp: &str| json!({"email": format!("{name}@example.org"), "password_hash": HASH, "totp": totp});
    import(&app.database, &[user("ann", secret)], &[]).assert_counts([0, 0, 1]);
    let key = [("KEY_ENCRYPTION_SECRET", crate::app::KEY_SECRET)];
    let uri = format!("otpauth://totp/Old:bob?secret={secret}&period=30");
    let users = [user("ann", secret), user("bob", &uri), user("eve", "not base32")];
    import_with(&app.database, &users, &["--bad-lines", "skip"], &key).assert_counts([2, 0, 1]);
    for name in ["ann", "bob"] {
        let code = test_support::totp_code(secret, app.clock.now().timestamp() / 30);
        let challenge = app.challenge(name).await;
        let response = app.answer(&challenge, &json!({"code": code})).await.assert_status(200).json();
        assert_eq!(crate::authenticator::codes(&response).len(), 10);
        app.advance(chrono::TimeDelta::seconds(30));
        let code = test_support::totp_code(secret, app.clock.now().timestamp() / 30);
        let challenge = app.challenge(name).await;
        let response = app.answer(&challenge, &json!({"code": code})).await.assert_status(200).json();
        assert_eq!(response.get("recovery_codes"), None);
    }
}

#[actix_web::test]
async fn one_bad_line_prevents_the_whole_import() {
    let database = migrated().await;
    let mut lines = users(1200);
    lines[1100] = json!({"email": "p1100@example.org", "password": "$2b$04$guess"});
    lines[1150]["shoe_size"] = json!(HASH);
    import(&database, &lines, &[]).assert_counts([0, 0, 2]).assert_errors(&[
        "line 1101 password_hash has an unknown format",
        "line 1151 has an unknown member \"shoe_size\"; use --ignore-unknown to skip unknown members",
        "auth-server: nothing was imported: 2 invalid line(s)",
    ]);
    assert_eq!(count(&database), 0);
    import(&database, &lines, &["--ignore-unknown"]).assert_counts([0, 0, 1]);
    assert_eq!(count(&database), 0);
}

#[actix_web::test]
async fn bad_lines_can_be_skipped() {
    let database = migrated().await;
    let mut lines = users(1200);
    for line in lines.iter_mut().step_by(10) {
        line["password"] = json!("!unusable");
    }
    let outcome = import(&database, &lines, &["--bad-lines", "skip"]);
    outcome.assert_counts([1080, 0, 120]);
    assert_eq!(outcome.errors.len(), 102, "a hundred lines, the number of further ones, and the error");
    assert_eq!(outcome.errors[0], "line 1 password_hash has an unknown format");
    assert_eq!(outcome.errors[100], "and 20 more invalid line(s)");
    assert_eq!(outcome.errors[101], "auth-server: 120 invalid line(s) were not imported");
    assert_eq!(count(&database), 1080);
}

#[actix_web::test]
async fn identifiers_of_other_users_are_bad_lines_at_any_distance() {
    let id = |number: u32| format!("97bcc65a-8b5d-4d33-a0f6-{number:012}");
    let database = migrated().await;
    let there = json!({"email": "ann@example.org", "password": HASH, "username": "ann", "id": id(1)});
    import(&database, std::slice::from_ref(&there), &[]).assert_counts([1, 0, 0]);
    let event =
        "SELECT type || ' ' || user_id || ' ' || details AS value FROM events WHERE type <> 'key_made'";
    assert_eq!(database.db_text(event), format!(r#"registered {} {{"by":"operator"}}"#, id(1)));

    let user = |email: &str, members: Value| {
        let mut user = json!({"email": email, "password": HASH});
        user.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        user
    };
    let mut lines = vec![
        there,
        user("ANN@example.org", json!({})),
        user("ann@example.org", json!({"id": id(2)})),
        user("bob@example.org", json!({"username": "Ann"})),
        user("bob@example.org", json!({"id": id(1)})),
        user("eve@example.org", json!({"username": "eve", "id": id(3)})),
        user("eva@example.org", json!({"username": "EVE"})),
        user("eva@example.org", json!({"id": id(3)})),
        user("eve@example.org", json!({"id": id(4)})),
    ];
    lines.extend(users(1000));
    lines.extend([
        user("eva@example.org", json!({"username": "eve"})),
        user("eva@example.org", json!({"id": id(3)})),
        user("Eve@example.org", json!({"id": id(3)})),
    ]);
    let expected = [
        "line 3 email belongs to another user",
        "line 4 username belongs to another user",
        "line 5 id belongs to another user",
        "line 7 username belongs to another user",
        "line 8 id belongs to another user",
        "line 9 email belongs to another user",
        "line 1010 username belongs to another user",
        "line 1011 id belongs to another user",
    ];
    let rejected = import(&database, &lines, &[]);
    rejected.assert_counts([0, 3, 8]);
    assert_eq!(rejected.errors[..8], expected);
    assert_eq!(count(&database), 1);
    let skipped = import(&database, &lines, &["--bad-lines", "skip"]);
    skipped.assert_counts([1001, 3, 8]);
    assert_eq!(skipped.errors[..8], expected);
    assert_eq!(count(&database), 1002);
}

#[actix_web::test]
async fn a_second_run_completes_an_import_that_was_killed() {
    let database = migrated().await;
    let lines = users(3500);
    let mut process = command(&database, &["--bad-lines", "skip", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    // It is killed while it reads the third batch.
    let mut pipe = process.stdin.take().expect("its input");
    pipe.write_all(text(&lines[..2500]).as_bytes()).expect("a running import");
    wait_until(&database, 2000, &mut process).await;
    process.kill().expect("a process");
    process.wait().expect("a process");
    drop(pipe);
    assert_eq!(count(&database), 2000);

    import(&database, &lines, &[]).assert_counts([1500, 2000, 0]);
    import(&database, &lines, &[]).assert_counts([0, 3500, 0]);
    assert_eq!(count(&database), 3500);
}

async fn wait_until(database: &TestDatabase, users: usize, process: &mut Child) {
    for _ in 0..1500 {
        if count(database) == users {
            return;
        }
        assert!(process.try_wait().expect("a process").is_none(), "the import ended by itself");
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{} users after 30 seconds", count(database));
}

#[actix_web::test]
async fn an_import_from_standard_input_requires_skipping_bad_lines() {
    let database = migrated().await;
    let assert_rejected = |arguments: &[&str], reason: &str| {
        let output = command(&database, arguments).stdin(Stdio::null()).output().expect("the program");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success() && text.lines().count() == 1 && text.contains(reason), "{text}");
    };
    assert_rejected(&["-"], "standard input cannot be read twice: pass a file or --bad-lines skip");
    assert_rejected(&["/nonexistent"], "cannot read /nonexistent");
}

#[actix_web::test]
#[ignore = "long: a million users, some minutes"]
async fn a_million_users_are_imported() {
    const USERS: u64 = 1_000_000;
    let database = migrated().await;
    let file = NamedTempFile::new().expect("a file");
    let mut lines = BufWriter::new(file.as_file());
    for number in 0..USERS {
        let id = uuid_of(number);
        writeln!(
            lines,
            r#"{{"id":"{id}","email":"user{number}@example.org","username":"user{number}","password":"{HASH}"}}"#
        )
        .expect("a line");
    }
    drop(lines);
    for expected in [[USERS, 0, 0], [0, USERS, 0]] {
        let started = Instant::now();
        let mut process = command(&database, &[file.path().to_str().expect("a path")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut peak = 0;
        while process.try_wait().expect("a process").is_none() {
            peak = peak_memory(&process).unwrap_or(peak);
            sleep(Duration::from_millis(100)).await;
        }
        let output = process.wait_with_output().expect("the program");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            [&report["imported"], &report["already_there"], &report["rejected"]],
            expected.map(Value::from).each_ref()
        );
        println!("{report}: {:.0} s, at most {} MiB", started.elapsed().as_secs_f64(), peak / 1024);
    }
}

/// Unique ids in random order, as other systems have them: multiplying by an odd number permutes 32-bit numbers.
fn uuid_of(number: u64) -> String {
    let scattered = number.wrapping_mul(2_654_435_761) & 0xffff_ffff;
    format!("{scattered:08x}-8b5d-4d33-a0f6-4d06a4c8b6b1")
}

/// Peak memory of the process in KiB.
fn peak_memory(process: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
