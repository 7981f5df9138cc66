use std::process::Command;

use serde_json::json;
use test_support::TestDatabase;

use crate::app::PASSWORD;
use crate::program;

/// A process that closes any descriptor of an SQLite file loses its locks on the file. The next process that closes
/// the database then deletes the WAL, and a crash loses writes that were acknowledged later.
#[actix_web::test]
async fn acknowledged_writes_survive_other_processes_and_a_crash() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    let register = async |name: &str| {
        let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        program.post("/auth/register").json(&user).send().await.assert_status(201);
    };
    register("ann").await;

    // Another process opens and closes the database, as a shell or a backup does.
    let script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('SELECT * FROM users').fetchall(); d.close()";
    if let Some(path) = database.url.strip_prefix("sqlite://") {
        let status = Command::new("python3").args(["-c", script, path]).status().expect("python3");
        assert!(status.success());
    }
    register("bob").await;
    register("eve").await;

    program.kill();
    assert_eq!(database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users"), "3");
}

#[cfg(unix)]
#[actix_web::test]
async fn sqlite_files_are_accessible_to_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let app = crate::app::TestApp::start().await;
    app.register("ann").await;
    let Some(path) = app.database.url.strip_prefix("sqlite://") else { return };
    for file in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
        let mode = std::fs::metadata(&file).expect(&file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
