//! Deliveries to a mail server that others wrote.

use std::path::Path;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Aiosmtpd, SmtpServer, SmtpTls};

use crate::mail::outbox::MailApp;

const PASSWORD: &str = "a password of the mail server";
const LOGIN: [&str; 4] = ["--smtp-user", "auth", "--smtp-password", PASSWORD];

/// As aiosmtpd and Python's parser read it: both check what our own mail server of the tests takes for granted.
#[actix_web::test]
async fn aiosmtpd_receives_mails_over_every_kind_of_connection_and_nothing_unsafe() {
    let server = Aiosmtpd::start(Path::new(env!("CARGO_TARGET_TMPDIR")), "auth", PASSWORD);
    let foreign = SmtpServer::start(SmtpTls::StartTls).certificate.clone();
    let wrong_password = ["--smtp-user", "auth", "--smtp-password", "wrong"];
    let (authority, foreign) = (server.authority.as_str(), foreign.as_str());
    let rejected = [
        (SmtpTls::StartTls, authority, &wrong_password[..]),
        (SmtpTls::Implicit, authority, &wrong_password),
        (SmtpTls::StartTls, foreign, &LOGIN),
        (SmtpTls::Implicit, foreign, &LOGIN),
        // It requires a login.
        (SmtpTls::StartTls, authority, &[]),
    ];
    join_all(rejected.map(|(tls, authority, login)| assert_fails(&server, tls, authority, login))).await;
    assert_eq!(server.received(), Vec::<Value>::new());

    let accepted = [(SmtpTls::None, &[][..]), (SmtpTls::StartTls, &LOGIN), (SmtpTls::Implicit, &LOGIN)];
    let ids = join_all(accepted.map(|(tls, login)| send(&server, tls, login))).await;
    let mails = server.wait_for(accepted.len()).await;
    for ((tls, login), id) in accepted.into_iter().zip(ids) {
        let to = recipient(tls);
        let mail = mails.iter().find(|mail| mail["to"] == json!([to])).expect("a mail");
        assert_eq!(mail["from"], "no-reply@example.org");
        let version = (tls != SmtpTls::None).then_some("TLSv1.3");
        let user = (!login.is_empty()).then_some("auth");
        assert_eq!((&mail["tls"], &mail["login"]), (&json!(version), &json!(user)), "{tls:?}");
        let expected = json!({
            "From": "Example <no-reply@example.org>",
            "To": to,
            "Subject": "Neue Anmeldung bei Example",
            "Message-ID": format!("<{id}@example.org>"),
            "Auto-Submitted": "auto-generated",
        });
        assert_eq!(mail["headers"], expected);
        for (part, line) in
            [("text", "Gerät: Firefox <on> Linux"), ("html", "<td>Firefox &lt;on&gt; Linux</td>")]
        {
            let received = text(mail, part);
            assert!(received.contains(line), "{part}: {received}");
            assert_eq!(received, text(&mails[0], part), "{tls:?}");
        }
    }
}

/// A part of a mail, without the recipient.
fn text(mail: &Value, part: &str) -> String {
    let to = mail["to"][0].as_str().expect("a recipient");
    mail[part].as_str().expect("a part").replace(to, "TO")
}

fn recipient(tls: SmtpTls) -> String {
    format!("jörg.{tls:?}@example.org").to_lowercase()
}

/// Returns the id of the mail.
async fn send(server: &Aiosmtpd, tls: SmtpTls, login: &[&str]) -> String {
    let app = MailApp::at(server.port(tls), tls, &server.authority, login).await;
    let id = app.db_enqueue_kind("new_device", &recipient(tls), "de", TimeDelta::hours(1));
    app.db_wait("sent_at IS NOT NULL", 1).await;
    assert_eq!(app.db_column(&id, "outcome"), "250 2.0.0 received");
    id
}

async fn assert_fails(server: &Aiosmtpd, tls: SmtpTls, authority: &str, login: &[&str]) {
    let app = MailApp::at(server.port(tls), tls, authority, login).await;
    let id = app.db_enqueue("ann@example.org");
    app.wait_for_state("failing").await;
    app.db_wait("lease IS NULL", 1).await;
    assert_eq!(app.db_column(&id, "attempts"), "0");
}
