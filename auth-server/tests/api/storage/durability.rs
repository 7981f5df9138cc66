use std::process::Command;

use serde_json::json;
use test_support::TestDatabase;

use crate::app::PASSWORD;
use crate::program;

/// A process that closes a descriptor of an SQLite file loses all its locks on it; the next process to close the
/// database then takes the WAL away, and what was answered afterwards is gone with a crash.
#[actix_web::test]
async fn what_was_answered_survives_other_processes_at_the_same_database_and_a_crash() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    let register = async |name: &str| {
        let person = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        program.post("/auth/register").json(&person).send().await.assert_status(201);
    };
    register("ann").await;

    // Another process opens the database and closes it again: somebody looks, or makes a backup.
    let look = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('SELECT * FROM users').fetchall(); d.close()";
    if let Some(path) = database.url.strip_prefix("sqlite://") {
        let looked = Command::new("python3").args(["-c", look, path]).status().expect("python3");
        assert!(looked.success());
    }
    register("bob").await;
    register("eve").await;

    program.kill();
    assert_eq!(database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users"), "3");
}

#[cfg(unix)]
#[actix_web::test]
async fn an_sqlite_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let app = crate::app::TestApp::start().await;
    app.register("ann").await;
    let Some(path) = app.database.url.strip_prefix("sqlite://") else { return };
    for file in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
        let mode = std::fs::metadata(&file).expect(&file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
