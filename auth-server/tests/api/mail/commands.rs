use chrono::TimeDelta;
use serde_json::Value;
use shared_claims::{Clock as _, SystemClock};
use tempfile::TempDir;
use test_support::{SmtpFault, SmtpServer, SmtpTls, TestDatabase};

use crate::mail::outbox::{db_enqueue, smtp_flags};

/// Runs `auth-server FLAGS mail …`. Returns whether it succeeds, and what it prints.
fn mail(flags: &[String], arguments: &[&str]) -> (bool, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .args(flags)
        .arg("mail")
        .args(arguments)
        .output()
        .expect("the program");
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).expect("text").trim_end().to_owned())
}

fn localhost(server: &SmtpServer) -> String {
    format!("localhost:{}", server.address.port())
}

#[test]
fn mail_test_sends_a_mail_without_a_database() {
    let (server, folder) = (SmtpServer::start(SmtpTls::StartTls), TempDir::new().expect("a folder"));
    let flags = smtp_flags(&server, SmtpTls::StartTls, &folder);
    let (_, text) = mail(&flags, &["test", "ann@example.org"]);
    assert_eq!(text, "sent a test mail to ann@example.org: 250 2.0.0 queued");
    let (_, text) = mail(&flags, &["test", "ann@example.org", "--kind", "reset", "--locale", "de", "--json"]);
    assert_eq!(text, r#"{"response":"250 2.0.0 queued","to":"ann@example.org"}"#);
    let subjects: Vec<String> = server
        .received()
        .iter()
        .map(|mail| {
            mail.data.lines().find(|line| line.starts_with("Subject: ")).expect("a subject").to_owned()
        })
        .collect();
    assert_eq!(subjects[0], "Subject: Test mail of Example");
    assert!(subjects[1].contains("Neues Passwort"), "{subjects:?}");

    server.set_fault_for("gone@example.org", Some(SmtpFault::Recipient(550)));
    let (ok, text) = mail(&flags, &["test", "gone@example.org"]);
    let reason = "the mail server does not accept the mail: 550 no such mailbox: gone@example.org";
    assert_eq!((ok, text), (false, format!("auth-server: {reason}")));
    let (ok, text) = mail(&flags, &["test", "ann@example.org", "--kind", "rset"]);
    assert!(!ok && text.contains("give one of register, already_registered"), "{text}");
    assert_eq!(
        mail(&[], &["test", "ann@example.org"]),
        (false, "auth-server: MAIL_TRANSPORT is off: set it to smtp or file".into())
    );
}

#[test]
fn mail_check_logs_in_without_sending() {
    let folder = TempDir::new().expect("a folder");
    let server = SmtpServer::with_login(SmtpTls::Implicit, "auth", "right");
    let check = |password: &str| {
        let mut flags = smtp_flags(&server, SmtpTls::Implicit, &folder);
        flags.extend(["--smtp-user", "auth", "--smtp-password", password].map(str::to_owned));
        mail(&flags, &["check"])
    };
    let at = localhost(&server);
    assert_eq!(
        check("right"),
        (true, format!("all templates can be rendered, and {at} offers TLS, and accepts the login"))
    );
    assert_eq!(
        check("wrong"),
        (false, format!("auth-server: {at} rejects SMTP_USER and SMTP_PASSWORD (535)"))
    );
    drop(server);
    let closed = SmtpServer::start(SmtpTls::StartTls);
    let flags = smtp_flags(&closed, SmtpTls::StartTls, &folder);
    let at = localhost(&closed);
    drop(closed);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let (ok, text) = mail(&flags, &["check"]);
    assert!(!ok && text.starts_with(&format!("auth-server: {at}: ")) && text.contains("refused"), "{text}");
}

#[test]
fn mails_are_listed_and_sent_again() {
    let database = TestDatabase::fresh();
    let flags = vec!["--database-url".to_owned(), database.url.clone()];
    let migrate = std::process::Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .args(&flags)
        .arg("migrate")
        .status();
    assert!(migrate.expect("the program").success());
    let now = SystemClock.now();
    let hour = TimeDelta::hours(1);
    let first =
        db_enqueue(&database, "new_device", "ann@example.org", "en", now - TimeDelta::minutes(2), hour);
    let failed =
        db_enqueue(&database, "password_changed", "bob@example.org", "en", now - TimeDelta::minutes(1), hour);
    let expired = db_enqueue(&database, "reset", "cy@example.org", "en", now - hour * 2, hour);
    for id in [&failed, &expired] {
        database.db_execute(&format!(
            "UPDATE mails SET failed_at = due_at, attempts = 3, outcome = '550 no' WHERE id = '{id}'"
        ));
    }
    let list = |arguments: &[&str]| -> Value {
        let (_, text) = mail(&flags, &[&["list", "--json"], arguments].concat());
        serde_json::from_str(&text).expect("JSON")
    };
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    let page = list(&["--limit", "2"]);
    assert_eq!(ids(&page), [failed.clone(), first.clone()]);
    assert_eq!(page["items"][0]["outcome"], "550 no");
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(ids(&list(&["--cursor", cursor])), [expired.as_str()]);
    assert_eq!(ids(&list(&["--state", "failed"])), [failed.clone(), expired.clone()]);
    let (_, table) = mail(&flags, &["list"]);
    assert!(
        table.contains("STATE") && table.contains("waiting") && table.contains("ann@example.org"),
        "{table}"
    );

    assert_eq!(mail(&flags, &["retry", &failed[..8]]), (true, "1 mail will be sent now".into()));
    assert_eq!(
        mail(&flags, &["retry", &expired]),
        (false, "auth-server: the mail was sent or has expired".into())
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(
        mail(&flags, &["retry", unknown]),
        (false, format!("auth-server: no mail has the id {unknown}"))
    );
    assert_eq!(mail(&flags, &["retry", "--all"]), (true, "2 mails will be sent now".into()));
    assert_eq!(ids(&list(&["--state", "waiting"])), [failed, first]);
}
