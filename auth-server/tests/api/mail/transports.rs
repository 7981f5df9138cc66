use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use actix_web::rt::time::sleep;
use tempfile::TempDir;
use test_support::{SmtpServer, SmtpTls};

use crate::app::TestApp;
use crate::mail::outbox::{MailApp, db_enqueue};
use chrono::TimeDelta;
use shared_claims::Clock as _;

#[actix_web::test]
async fn a_mail_arrives_encrypted_and_with_a_login() {
    for tls in [SmtpTls::StartTls, SmtpTls::Implicit] {
        let server = SmtpServer::with_login(tls, "auth", "a password of the mail server");
        let login = ["--smtp-user", "auth", "--smtp-password", "a password of the mail server"];
        let app = MailApp::with_tls(&server, tls, &login).await;
        let id = app.db_enqueue("ann@example.org");
        let [mail] = &server.wait_for(1).await[..] else { panic!("one mail") };
        assert!(mail.is_encrypted, "{tls:?}");
        assert_eq!(mail.login, Some(("auth".to_owned(), "a password of the mail server".to_owned())));
        assert_eq!((mail.from.as_str(), mail.to.as_str()), ("no-reply@example.org", "ann@example.org"));
        for line in [
            "From: Example <no-reply@example.org>",
            "To: ann@example.org",
            "Subject: Your password at Example was changed",
            &format!("Message-ID: <{id}@example.org>"),
            "Auto-Submitted: auto-generated",
            "Content-Type: multipart/alternative;",
            "Device: Firefox <on> Linux",
            "<td>Firefox &lt;on&gt; Linux</td>",
        ] {
            // Without the soft line breaks of quoted-printable.
            assert!(mail.data.replace("=\r\n", "").contains(line), "{line}: {}", mail.data);
        }
        app.db_wait("sent_at IS NOT NULL", 1).await;
        assert_eq!(app.db_column(&id, "outcome"), "250 2.0.0 queued");
        assert!(!app.app.database.db_dump().contains("a password of the mail server"));
    }
}

#[actix_web::test]
async fn a_mail_server_on_the_same_machine_needs_no_encryption() {
    let server = SmtpServer::start(SmtpTls::None);
    let app = MailApp::with_tls(&server, SmtpTls::None, &[]).await;
    app.db_enqueue("ann@example.org");
    assert!(!server.wait_for(1).await[0].is_encrypted);
}

/// A mail contains links that open accounts.
#[actix_web::test]
async fn without_starttls_nothing_is_sent() {
    let server = SmtpServer::start(SmtpTls::None);
    let app = MailApp::with_tls(&server, SmtpTls::StartTls, &[]).await;
    assert_nothing_is_sent(&app, &server).await;
}

#[actix_web::test]
async fn with_a_foreign_certificate_nothing_is_sent() {
    for tls in [SmtpTls::StartTls, SmtpTls::Implicit] {
        let (server, other) = (SmtpServer::start(tls), SmtpServer::start(tls));
        let app = MailApp::at(server.address.port(), tls, &other.certificate, &[]).await;
        assert_nothing_is_sent(&app, &server).await;
    }
}

#[actix_web::test]
async fn with_a_wrong_login_nothing_is_sent() {
    let server = SmtpServer::with_login(SmtpTls::StartTls, "auth", "right");
    let app = MailApp::start(&server, &["--smtp-user", "auth", "--smtp-password", "wrong"]).await;
    assert_nothing_is_sent(&app, &server).await;
}

async fn assert_nothing_is_sent(app: &MailApp, server: &SmtpServer) {
    let id = app.db_enqueue("ann@example.org");
    app.wait_for_state("failing").await;
    assert_eq!(server.received(), []);
    // It is the server's failure, not the mail's.
    app.db_wait("lease IS NULL", 1).await;
    assert_eq!((app.db_column(&id, "attempts"), app.db_column(&id, "sent_at")), ("0".into(), "-".into()));
}

#[actix_web::test]
async fn mails_become_files_that_only_the_owner_can_read() {
    let folder = TempDir::new().expect("a folder");
    let mails = folder.path().join("mail");
    let path = mails.to_str().expect("a path").to_owned();
    let from = "Example <no-reply@example.org>";
    let app = TestApp::with(&["--mail-transport", "file", "--mail-dir", &path, "--mail-from", from]).await;
    let id = db_enqueue(
        &app.database,
        "new_device",
        "ann@example.org",
        "de",
        app.clock.now(),
        TimeDelta::hours(1),
    );
    let file = loop {
        let mut files = fs::read_dir(&mails).expect("the folder").map(|file| file.expect("a file").path());
        // Until a mail is complete, its name begins with a dot.
        let is_draft = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        match files.find(|file| !file.file_name().is_some_and(is_draft)) {
            Some(file) => break file,
            None => sleep(Duration::from_millis(30)).await,
        }
    };
    let mode = |path: &std::path::Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&mails)), (0o600, 0o700));
    assert!(file.ends_with(file.file_name().expect("a name")) && file.to_string_lossy().contains(&id));
    let text = fs::read_to_string(&file).expect("the file");
    assert!(
        text.contains("To: ann@example.org") && text.contains("Gerät: Firefox")
            || text.contains("Ger=C3=A4t"),
        "{text}"
    );
    assert!(text.contains("Subject: Neue Anmeldung bei Example"), "{text}");
}
