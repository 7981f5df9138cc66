//! What is refused, and what an interruption leaves.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use actix_web::rt::time::sleep;
use shared_claims::testing::ManualClock;
use test_support::TestDatabase;

use crate::app::{KEY_SECRET, REFRESH_SECRET};
use crate::cli::transfer::{Transfer, count, migrated, start, stop, with_sessions};
use crate::command;

#[actix_web::test]
async fn an_import_that_was_killed_is_continued_and_doubles_no_row() {
    let (source, ann) = with_sessions(3500).await;
    let transfer = Transfer::new();
    transfer.export(&source);
    let target = migrated(TestDatabase::fresh());
    let mut process = Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .env("DATABASE_URL", &target.url)
        .args(["import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    // It is killed while it reads the third page of sessions.
    let text = transfer.text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let sessions = lines.iter().position(|line| line.contains(r#""table":"sessions""#)).expect("sessions");
    let mut pipe = process.stdin.take().expect("its input");
    pipe.write_all(lines[..sessions + 2500].concat().as_bytes()).expect("a running import");
    for _ in 0..1500 {
        if count(&target, "sessions") == 2000 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    process.kill().expect("a process");
    process.wait().expect("a process");
    drop(pipe);
    assert_eq!(count(&target, "sessions"), 2000);

    let incomplete = "an import into it is incomplete: run `auth-server import` again, with the same file";
    command::run(&target, &["users", "list"], &[]).assert_rejected(incomplete);
    command::run(&target, &["migrate"], &[]).assert_rejected(incomplete);
    transfer.run(&target, &["export", "--live"]).assert_rejected("File exists");
    let secrets = [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    command::run(&target, &[], &secrets).assert_rejected(incomplete);

    let other = Transfer::new();
    other.export(&source);
    other.import(&target).assert_rejected("an import of another file has begun");

    let imported = transfer.import(&target).json();
    assert_eq!(imported["tables"]["sessions"], 3501);
    assert_eq!(count(&target, "sessions"), 3501);
    transfer.import(&target).assert_rejected("the database is not empty: table users has rows");
    let app = start(target, &ManualClock::new()).await;
    app.refresh(&ann.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_damaged_file_is_refused_before_anything_is_written() {
    let (source, _) = with_sessions(20).await;
    let transfer = Transfer::new();
    transfer.export(&source);
    let target = migrated(TestDatabase::fresh());
    let before = target.db_dump();
    let text = transfer.text();
    for length in (0..text.len()).step_by(text.len() / 12) {
        transfer.write(&text[..length]);
        transfer.import(&target).assert_rejected(if length == 0 {
            "not an export"
        } else {
            "nothing was imported"
        });
    }
    // The last line's end, a line, and text behind the end.
    transfer.write(text.trim_end());
    transfer.import(&target).assert_rejected("the file is incomplete");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(4);
    transfer.write(&lines.join("\n"));
    transfer.import(&target).assert_rejected("the file was altered");
    transfer.write(&format!("{text}\n"));
    transfer.import(&target).assert_rejected("the file was altered");
    // In a row, a name, a number and a checksum.
    for (from, to) in [
        ("argon2id", "argon2ie"),
        ("sessions", "sessionz"),
        ("live\":false", "live\":true"),
        ("true", "false"),
    ] {
        assert!(text.contains(from), "{from}");
        transfer.write(&text.replacen(from, to, 1));
        transfer.import(&target).assert_rejected("nothing was imported: the file was altered");
    }
    let position = text.trim_end().len() - 3;
    let digit = if text.as_bytes()[position] == b'0' { "1" } else { "0" };
    transfer.write(&format!("{}{digit}{}", &text[..position], &text[position + 1..]));
    transfer.import(&target).assert_rejected("its checksum is wrong");
    transfer.write(&text.replacen(r#""latchkey_export":1"#, r#""latchkey_export":2"#, 1));
    transfer.import(&target).assert_rejected("the file has format 2, and this program reads format 1");
    transfer.write(&text.replacen(r#""schema":"2"#, r#""schema":"1"#, 1));
    transfer.import(&target).assert_rejected("export and import with the same version");
    assert_eq!(target.db_dump(), before);
}

#[actix_web::test]
async fn no_server_starts_on_what_a_damaged_pipe_has_left() {
    let (source, _) = with_sessions(5).await;
    let transfer = Transfer::new();
    transfer.export(&source);
    let target = migrated(TestDatabase::fresh());
    let altered = transfer.text().replacen("ann@example.org", "eve@example.org", 1);
    let outcome = command::run_with_input(&target, &["import", "-"], &[], &altered);
    outcome.assert_rejected("its checksum is wrong");
    let secrets = [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    command::run(&target, &[], &secrets).assert_rejected("an import into it is incomplete");
    transfer.import(&target).assert_rejected("table users of the database differs from the file");
    command::run(&target, &[], &secrets).assert_rejected("an import into it is incomplete");

    let other = migrated(TestDatabase::fresh());
    command::run_with_input(&other, &["import", "-", "--json"], &[], &transfer.text()).json();
    assert_eq!(count(&other, "sessions"), 6);
}

#[actix_web::test]
async fn neither_command_works_beside_servers() {
    let app = start(TestDatabase::fresh(), &ManualClock::new()).await;
    app.register("ann").await;
    for _ in 0..500 {
        if count(&app.database, "servers") == 1 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let transfer = Transfer::new();
    transfer.run(&app.database, &["export"]).assert_rejected("1 server(s) use the database: stop them first");
    assert!(!transfer.path().exists());
    transfer.run(&app.database, &["export", "--live"]).assert_succeeded();
    transfer.import(&app.database).assert_rejected("1 server(s) use the database");
    transfer.run(&app.database, &["export", "--live"]).assert_rejected("File exists");
    let out = command::run(&app.database, &["export", "--live", "-"], &[]);
    out.assert_succeeded();
    assert_eq!(out.out.lines().count(), transfer.text().lines().count());

    let database = stop(app).await;
    transfer.import(&database).assert_rejected("the database is not empty: table users has rows");
    let empty = TestDatabase::fresh();
    transfer.import(&empty).assert_rejected("`auth-server migrate`");
}
