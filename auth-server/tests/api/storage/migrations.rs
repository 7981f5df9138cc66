use crate::app::TestApp;

#[actix_web::test]
async fn a_newer_database_is_rejected_in_one_line() {
    let app = TestApp::start().await;
    app.database.db_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    let error = app.another_with(&[]).await.err().expect("a startup error");
    assert!(error.contains("newer than this program") && error.contains("20991231000000"), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[actix_web::test]
async fn a_restart_migrates_nothing() {
    let app = TestApp::start().await;
    let versions = || app.database.db_texts("SELECT version AS value FROM __diesel_schema_migrations");
    let before = versions();
    assert!(!before.is_empty());
    app.another().await.stop().await;
    assert_eq!(versions(), before);
}

#[test]
fn both_backends_have_the_same_migrations_with_the_same_columns() {
    let columns = |backend: &str| {
        let folder = format!("{}/../migrations/{backend}", env!("CARGO_MANIFEST_DIR"));
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let sql = std::fs::read_to_string(entry.path().join("up.sql")).unwrap();
            let names = sql.lines().filter_map(|line| {
                let line = line.strip_prefix("    ")?;
                (!line.starts_with("--"))
                    .then(|| line.split_whitespace().next().unwrap_or_default().to_owned())
            });
            all.push((entry.file_name(), names.collect::<Vec<_>>()));
        }
        all.sort();
        all
    };
    assert_eq!(columns("postgres"), columns("sqlite"));
}

#[actix_web::test]
async fn a_wrong_key_encryption_secret_prevents_startup() {
    let app = TestApp::start().await;
    let wrong = ["--key-encryption-secret", "another-secret-of-the-tests-0123456789"];
    let error = app.another_with(&wrong).await.err().expect("a startup error");
    assert!(error.contains("KEY_ENCRYPTION_SECRET"), "{error}");
    assert_eq!(error.lines().count(), 1);
}
