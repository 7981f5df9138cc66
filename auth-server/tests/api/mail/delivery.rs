use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use shared_claims::Clock as _;
use test_support::{ReceivedMail, SmtpFault, SmtpServer, SmtpTls};

use crate::mail::outbox::MailApp;

const PROOF: &str = "00000000-0000-4000-8000-000000000001";

fn server() -> SmtpServer {
    SmtpServer::start(SmtpTls::StartTls)
}

fn recipients(mails: &[ReceivedMail]) -> Vec<&str> {
    let mut all: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    all.sort_unstable();
    all
}

#[actix_web::test]
async fn a_rejected_recipient_fails_for_good_and_delays_no_other() {
    let server = server();
    server.set_fault_for("gone@example.org", Some(SmtpFault::Recipient(550)));
    server.set_fault_for("spam@example.org", Some(SmtpFault::Data(554)));
    let app = MailApp::start(&server, &[]).await;
    let [gone, spam] = ["gone@example.org", "spam@example.org"].map(|to| app.db_enqueue(to));
    app.db_enqueue("ann@example.org");
    app.db_wait("failed_at IS NOT NULL", 2).await;
    assert_eq!(recipients(&server.wait_for(1).await), ["ann@example.org"]);
    assert_eq!(app.db_column(&gone, "outcome"), "550 no such mailbox: gone@example.org");
    assert_eq!(app.db_column(&spam, "outcome"), "554 content rejected");
    let events = "SELECT details AS value FROM events WHERE type = 'mail_failed'";
    assert_eq!(app.app.database.db_texts(events), [r#"{"kind":"password_changed"}"#; 2]);
    assert_eq!(app.readiness().await, json!({"ok": true, "state": "ok"}));
    // Never again.
    app.app.advance(TimeDelta::hours(2));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.received().len(), 1);
}

#[actix_web::test]
async fn a_temporary_failure_is_retried_with_growing_pauses_until_the_mail_expires() {
    let server = server();
    server.set_fault_for("later@example.org", Some(SmtpFault::Recipient(451)));
    let app = MailApp::start(&server, &[]).await;
    let id = app.db_enqueue_kind("password_changed", "later@example.org", "en", TimeDelta::hours(2));
    for (attempts, pause) in [(1, 30), (2, 120), (3, 480), (4, 1920), (5, 3600)] {
        app.db_wait(&format!("attempts = {attempts} AND lease IS NULL"), 1).await;
        let due_at = app.app.clock.now() + TimeDelta::seconds(pause);
        assert_eq!(app.db_column(&id, "due_at"), due_at.format("%Y-%m-%d %H:%M:%S").to_string());
        app.app.advance(TimeDelta::seconds(pause - 1));
        if attempts == 1 {
            sleep(Duration::from_millis(1500)).await;
            assert_eq!(app.db_column(&id, "attempts"), "1", "not due yet");
        }
        app.app.advance(TimeDelta::seconds(1));
    }
    // The next attempt would be after the end of its life.
    app.db_wait("failed_at IS NOT NULL", 1).await;
    let outcome = app.db_column(&id, "outcome");
    assert_eq!(outcome, "451 no such mailbox: later@example.org (expired before the next attempt)");
    // Sent and failed mails are deleted after a day.
    assert_eq!(app.db_count("1 = 1"), 1);
    app.app.advance(TimeDelta::hours(24) + TimeDelta::seconds(1));
    let app = MailApp { app: app.app.restart().await, folder: app.folder };
    app.db_wait("1 = 1", 0).await;
}

#[actix_web::test]
async fn an_expired_mail_is_not_sent() {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    let id = app.db_enqueue_kind("password_changed", "ann@example.org", "en", TimeDelta::zero());
    app.db_wait("failed_at IS NOT NULL", 1).await;
    assert_eq!((app.db_column(&id, "outcome"), server.received()), ("expired".into(), vec![]));
}

#[actix_web::test]
async fn a_server_that_never_responds_to_one_mail_delays_no_other() {
    let server = server();
    server.set_fault_for("hangs@example.org", Some(SmtpFault::SilentAfterData));
    let app = MailApp::with_time_limit(&server, Duration::from_secs(5)).await;
    let hangs = app.db_enqueue("hangs@example.org");
    app.db_wait("lease IS NOT NULL", 1).await;
    for number in 0..8 {
        app.db_enqueue(&format!("user{number}@example.org"));
    }
    server.wait_for(8).await;
    assert_eq!(app.db_column(&hangs, "attempts"), "0", "the others waited for it");
    app.db_wait("attempts = 1 AND lease IS NULL", 1).await;
    assert_eq!(app.db_column(&hangs, "outcome"), "no response within 5 s");
}

#[actix_web::test]
async fn while_the_mail_server_is_down_mails_wait_and_no_attempt_counts() {
    let faults = [
        SmtpFault::Silent,
        SmtpFault::Greeting(421),
        SmtpFault::Sender(550),
        SmtpFault::SilentAfterSender,
        // Authentication required.
        SmtpFault::Recipient(530),
    ];
    join_all(faults.map(wait_for_recovery)).await;
}

async fn wait_for_recovery(fault: SmtpFault) {
    let server = server();
    server.set_fault(Some(fault));
    let app = MailApp::with_time_limit(&server, Duration::from_secs(3)).await;
    let id = app.db_enqueue("ann@example.org");
    app.wait_for_state("failing").await;
    app.db_wait("lease IS NULL", 1).await;
    assert_eq!(app.db_column(&id, "attempts"), "0", "{fault:?}");
    // One round of attempts in 30 seconds.
    let before = server.connections();
    app.app.advance(TimeDelta::seconds(29));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.connections(), before, "{fault:?}");
    server.set_fault(None);
    // On a busy machine, an attempt can exceed its time limit again.
    for pause in [2, 31, 31, 31] {
        app.app.advance(TimeDelta::seconds(pause));
        if server.receives(1, Duration::from_secs(15)).await {
            break;
        }
    }
    let (received, connections) = (server.received(), server.connections());
    let mail = ["attempts", "lease", "due_at", "outcome"].map(|column| app.db_column(&id, column));
    assert_eq!(received.len(), 1, "{fault:?}, {before} of {connections} connections before, {mail:?}");
    assert_eq!(received[0].to, "ann@example.org");
    app.wait_for_state("ok").await;
}

#[actix_web::test]
async fn mails_that_cannot_be_read_or_written_delay_no_other() {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    let life = TimeDelta::hours(1);
    // More than a server claims at a time.
    for _ in 0..15 {
        app.db_enqueue_kind("of_a_newer_server", "ann@example.org", "en", life);
    }
    let incomplete = app.db_enqueue_kind("new_device", "ann@example.org", "en", life);
    app.app.database.db_execute(&format!("UPDATE mails SET data = '{{}}' WHERE id = '{incomplete}'"));
    app.db_enqueue("bob@example.org");
    app.db_wait("sent_at IS NOT NULL AND recipient = 'bob@example.org'", 1).await;
    app.db_wait(&format!("id = '{incomplete}' AND attempts = 1"), 1).await;
    let outcome = app.db_column(&incomplete, "outcome");
    assert!(outcome.contains("event.txt") && outcome.contains("undefined value"), "{outcome}");
    assert_eq!(app.readiness().await["state"], json!("ok"));
    // A newer server would have to wait for the lease.
    assert_eq!(app.db_count("kind = 'of_a_newer_server' AND lease IS NOT NULL"), 0);
}

#[actix_web::test]
async fn mails_whose_proof_cannot_be_read_delay_no_other_and_are_retried_with_pauses() {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    let later = (app.app.clock.now() + TimeDelta::days(1)).format("%Y-%m-%d %H:%M:%S%.f");
    app.app.database.db_execute(&format!(
        "INSERT INTO proofs (id, purpose, email, key_id, created_at, expires_at) \
         VALUES ('{PROOF}', 'impossible', 'ann@example.org', '-', '{later}', '{later}')"
    ));
    // More than a server claims at a time.
    for _ in 0..15 {
        db_enqueue_with_proof(&app);
    }
    app.app.advance(TimeDelta::seconds(1));
    app.db_enqueue("bob@example.org");
    server.wait_for(1).await;
    app.db_wait("attempts = 1 AND lease IS NULL", 15).await;
    assert_eq!(app.db_count("outcome LIKE '%proofs.purpose%'"), 15);
    app.app.advance(TimeDelta::seconds(31));
    app.db_wait("attempts = 2 AND lease IS NULL", 15).await;
    assert_eq!(app.readiness().await, json!({"ok": true, "state": "ok"}));
}

#[actix_web::test]
async fn a_database_error_counts_no_attempt_and_is_retried_after_a_pause() {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    app.app.database.db_execute("ALTER TABLE proofs RENAME TO unavailable");
    let id = db_enqueue_with_proof(&app);
    app.db_wait("due_at > created_at AND lease IS NULL", 1).await;
    assert_eq!(app.db_column(&id, "attempts"), "0");
    app.app.database.db_execute("ALTER TABLE unavailable RENAME TO proofs");
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(app.db_column(&id, "failed_at"), "-");
    app.app.advance(TimeDelta::seconds(31));
    app.db_wait("outcome = 'the proof is gone' AND attempts = 0", 1).await;
}

fn db_enqueue_with_proof(app: &MailApp) -> String {
    // With a kind that no server claims before the mail is complete.
    let id = app.db_enqueue_kind("incomplete", "ann@example.org", "en", TimeDelta::hours(1));
    let complete = format!("UPDATE mails SET kind = 'verify', proof_id = '{PROOF}' WHERE id = '{id}'");
    app.app.database.db_execute(&complete);
    id
}

/// As Exim does with `smtp_accept_max_per_connection`.
#[actix_web::test]
async fn a_server_that_limits_the_mails_of_a_connection_is_not_failing() {
    let server = server();
    server.set_fault(Some(SmtpFault::MailsPerConnection(2)));
    let app = MailApp::start(&server, &[]).await;
    for number in 0..20 {
        app.db_enqueue(&format!("user{number}@example.org"));
    }
    let started = Instant::now();
    while app.db_count("sent_at IS NOT NULL") < 20 {
        assert!(started.elapsed() < Duration::from_secs(60), "{} mails", server.received().len());
        // The state would last for 30 seconds of the clock that stands still.
        assert_eq!(app.readiness().await["state"], json!("ok"));
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((server.received().len(), app.db_count("attempts > 0")), (20, 0));
    assert!(server.connections() >= 10, "{}", server.connections());
}

#[ignore = "long: the time limit of a delivery"]
#[actix_web::test]
async fn a_delivery_takes_at_most_thirty_seconds() {
    let server = server();
    server.set_fault(Some(SmtpFault::SilentAfterData));
    let app = MailApp::start(&server, &[]).await;
    let id = app.db_enqueue("ann@example.org");
    let started = Instant::now();
    app.db_wait("attempts = 1 AND lease IS NULL", 1).await;
    assert_eq!(app.db_column(&id, "outcome"), "no response within 30 s");
    assert!(started.elapsed() >= Duration::from_secs(29), "{:?}", started.elapsed());
}

/// At least once: the mail server has the mail, and the auth server cannot know.
#[actix_web::test]
async fn a_mail_whose_response_is_lost_is_sent_again_byte_by_byte() {
    let server = server();
    server.set_fault(Some(SmtpFault::CutAfterData));
    let app = MailApp::start(&server, &["--email-verification", "off"]).await;
    app.app.register("bob").await;
    // A notice, and a mail with a link and a code.
    app.db_enqueue("ann@example.org");
    let forgotten = json!({"email": "bob@example.org"});
    app.app.post("/auth/password/forgot").json(&forgotten).send().await.assert_status(202);
    server.wait_for(2).await;
    server.set_fault(None);
    app.db_wait("attempts = 1 AND lease IS NULL", 2).await;
    app.app.advance(TimeDelta::seconds(31));
    let mails = server.wait_for(4).await;
    for (to, content) in [("ann@example.org", "Message-ID: <"), ("bob@example.org", "/reset#")] {
        let copies: Vec<&str> =
            mails.iter().filter(|mail| mail.to == to).map(|mail| mail.data.as_str()).collect();
        assert_eq!(copies.len(), 2, "{to}");
        assert_eq!(copies[0], copies[1]);
        assert!(copies[0].contains(content), "{}", copies[0]);
    }
}

#[actix_web::test]
async fn a_server_that_stops_completes_its_deliveries() {
    let server = server();
    server.set_fault(Some(SmtpFault::Slow(Duration::from_secs(2))));
    let app = MailApp::start(&server, &[]).await;
    app.db_enqueue("ann@example.org");
    app.db_wait("lease IS NOT NULL", 1).await;
    let database = Arc::clone(&app.app.database);
    app.app.stop().await;
    let sent = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM mails WHERE sent_at IS NOT NULL";
    let started = Instant::now();
    while database.db_text(sent) != "1" {
        assert!(started.elapsed() < Duration::from_secs(30), "the delivery was not completed");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.received().len(), 1);
}

#[actix_web::test]
async fn mails_wait_in_the_queue_and_a_full_one_is_reported() {
    let server = server();
    server.set_fault(Some(SmtpFault::Greeting(421)));
    let app = MailApp::start(&server, &["--mail-queue-limit", "3", "--metrics-addr", "127.0.0.1:0"]).await;
    for number in 0..3 {
        app.db_enqueue(&format!("user{number}@example.org"));
    }
    app.wait_for_state("failing").await;
    assert_eq!(app.readiness().await["ok"], json!(false));
    // The next round of attempts is in 30 seconds.
    server.set_fault(Some(SmtpFault::Recipient(451)));
    app.app.advance(TimeDelta::seconds(31));
    app.wait_for_state("full").await;
    let page = app.metrics().await;
    for line in ["latchkey_auth_mail_queue 3", "latchkey_auth_mail_failing 0"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    server.set_fault(None);
    app.app.advance(TimeDelta::seconds(31));
    server.wait_for(3).await;
    app.wait_for_state("ok").await;
    let sent = r#"latchkey_auth_mails_total{kind="password_changed",outcome="sent"} 3"#;
    app.db_wait("sent_at IS NOT NULL", 3).await;
    sleep(Duration::from_millis(200)).await;
    let page = app.metrics().await;
    assert!(page.contains(sent), "{page}");
}
