//! Mails with links that the mail server delays, and what happens to their proofs meanwhile.

use std::time::Duration;

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{SmtpFault, SmtpServer, SmtpTls};

use crate::app::Session;
use crate::mail::outbox::MailApp;

/// A mail server that rejects all recipients for now.
fn greylisting() -> SmtpServer {
    let server = SmtpServer::start(SmtpTls::StartTls);
    server.set_fault(Some(SmtpFault::Recipient(451)));
    server
}

async fn start(server: &SmtpServer) -> MailApp {
    MailApp::start(server, &["--mail-notices", "none", "--email-verification", "off"]).await
}

/// A mail that is sent at `retry` moves the end of its link. The status of a wrong code must not depend on that, because the mail
/// to the other address was dropped at once: both codes have the same status until `end`.
async fn assert_alike(
    app: &MailApp,
    [retry, end]: [TimeDelta; 2],
    wrong_codes: impl AsyncFn() -> [(u16, Value); 2],
) {
    app.db_wait("attempts = 1 AND lease IS NULL", 1).await;
    app.db_wait("failed_at IS NOT NULL", 1).await;
    app.app.advance(retry);
    app.db_wait("attempts = 2 AND lease IS NULL", 1).await;
    app.app.advance(end - retry - TimeDelta::seconds(1));
    // Purges what has expired when it starts.
    let another = app.app.another().await;
    sleep(Duration::from_millis(500)).await;
    another.stop().await;
    for (seconds, status) in [(0, 401), (1, 410)] {
        app.app.advance(TimeDelta::seconds(seconds));
        let [retried, dropped] = wrong_codes().await;
        assert_eq!((retried.0, &retried), (status, &dropped));
    }
}

#[actix_web::test]
async fn a_delayed_mail_does_not_reveal_that_an_address_has_a_user() {
    let server = greylisting();
    let app = start(&server).await;
    app.app.register("ann").await;
    let mut continuations = Vec::new();
    for email in ["ann@example.org", "nobody@example.org"] {
        let response = app.app.post("/auth/password/forgot").json(&json!({"email": email})).send().await;
        continuations.push(response.assert_status(202).json()["continuation"].clone());
    }
    let wrong_code = async |continuation: &Value| {
        let body = json!({"continuation": continuation, "code": "00000000", "new_password": "seven quiet maps paint an otter"});
        let response = app.app.post("/auth/password/reset").json(&body).send().await;
        (response.status, response.json())
    };
    let wrong_codes = async || [wrong_code(&continuations[0]).await, wrong_code(&continuations[1]).await];
    assert_alike(&app, [25, 40].map(TimeDelta::minutes), wrong_codes).await;
}

#[actix_web::test]
async fn a_delayed_mail_does_not_reveal_that_a_new_address_is_taken() {
    let server = greylisting();
    let app = start(&server).await;
    app.app.register("taken").await;
    let mut continuations = Vec::new();
    for (name, new) in [("ann", "free@example.org"), ("bob", "taken@example.org")] {
        let user = app.app.register(name).await;
        let call = app.app.post("/auth/email").cookie(&user.refresh_token).json(&json!({"email": new}));
        continuations.push(call.send().await.assert_status(202).json()["continuation"].clone());
    }
    let wrong_code = async |user: Session, continuation: &Value| {
        let body = json!({"continuation": continuation, "code": "00000000"});
        let call = app.app.post("/auth/email/confirm").cookie(&user.refresh_token).json(&body);
        let response = call.send().await;
        (response.status, response.json())
    };
    let wrong_codes = async || {
        [
            wrong_code(app.app.log_in("ann").await, &continuations[0]).await,
            wrong_code(app.app.log_in("bob").await, &continuations[1]).await,
        ]
    };
    let times = [TimeDelta::hours(23), TimeDelta::hours(24) + TimeDelta::minutes(10)];
    assert_alike(&app, times, wrong_codes).await;
}

/// The sender reads the proof before the revocation is committed, and writes it afterwards.
#[actix_web::test]
async fn a_link_that_is_revoked_while_its_mail_is_prepared_stays_revoked() {
    let server = greylisting();
    let app = start(&server).await;
    let root = app.app.db_administrator("root").await;
    let body = json!({"email": "eve@example.org"});
    let invite = app.app.post("/admin/invitations").cookie(&root.refresh_token).json(&body);
    invite.send().await.assert_status(201);
    app.db_wait("attempts = 1 AND lease IS NULL", 1).await;
    server.set_fault(None);
    let state = "SELECT COALESCE(CAST(void_at AS TEXT), 'open') || ' ' || CAST(expires_at AS TEXT) AS value FROM proofs";
    let revocation = "UPDATE proofs SET void_at = created_at";
    let revoking = app.app.database.db_begin(revocation);
    app.app.advance(TimeDelta::seconds(30));
    sleep(Duration::from_millis(1500)).await;
    revoking.commit();
    let revoked = app.app.database.db_text(state);
    app.db_wait("failed_at IS NOT NULL", 1).await;
    assert_eq!(app.app.database.db_text(state), revoked);
    assert_eq!(server.received(), vec![]);
}

/// During a change of `KEY_ENCRYPTION_SECRET`, servers with the new one make links that the others cannot.
#[actix_web::test]
async fn a_mail_whose_link_requires_the_secret_of_another_server_waits() {
    let server = greylisting();
    let app = start(&server).await;
    app.app.register("ann").await;
    let body = json!({"email": "ann@example.org"});
    app.app.post("/auth/password/forgot").json(&body).send().await.assert_status(202);
    app.db_wait("attempts = 1 AND lease IS NULL", 1).await;
    server.set_fault(None);
    let key = app.app.database.db_text("SELECT key_id AS value FROM proofs");
    app.app.database.db_execute("UPDATE proofs SET key_id = 'another'");
    app.app.advance(TimeDelta::seconds(30));
    let waits =
        "outcome LIKE '%requires another KEY_ENCRYPTION_SECRET' AND failed_at IS NULL AND lease IS NULL";
    app.db_wait(waits, 1).await;
    app.app.database.db_execute(&format!("UPDATE proofs SET key_id = '{key}'"));
    app.app.advance(TimeDelta::minutes(2));
    assert_eq!(server.wait_for(1).await[0].to, "ann@example.org");
}
