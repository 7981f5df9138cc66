//! Several servers on one outbox.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::Clock as _;
use test_support::{SmtpFault, SmtpServer, SmtpTls, TestDatabase};

use crate::mail::outbox::{MailApp, db_enqueue};

fn server() -> SmtpServer {
    SmtpServer::start(SmtpTls::StartTls)
}

fn sql_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.f").to_string()
}

#[actix_web::test]
async fn several_servers_send_each_mail_once() {
    send_from_three_servers(150).await;
}

#[ignore = "long: 2,000 mails"]
#[actix_web::test]
async fn several_servers_send_each_of_two_thousand_mails_once() {
    send_from_three_servers(2000).await;
}

async fn send_from_three_servers(count: usize) {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    let others = [app.app.another().await, app.app.another().await];
    for number in 0..count {
        app.db_enqueue(&format!("user{number}@example.org"));
    }
    app.db_wait("sent_at IS NOT NULL", count).await;
    let mut times: HashMap<String, usize> = HashMap::new();
    for mail in server.received() {
        *times.entry(mail.to).or_default() += 1;
    }
    assert_eq!((times.len(), times.values().max()), (count, Some(&1)));
    // A connection serves several mails.
    assert!(server.connections() < count / 2, "{}", server.connections());
    for other in others {
        other.stop().await;
    }
}

#[actix_web::test]
async fn a_mail_that_another_server_claimed_is_sent_when_its_lease_ends() {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    let (now, later) = (app.app.clock.now(), app.app.clock.now() + TimeDelta::hours(1));
    let id = db_enqueue(&app.app.database, "new_device", "ann@example.org", "en", later, TimeDelta::hours(1));
    let [due, until] = [now, now + TimeDelta::seconds(90)].map(sql_time);
    app.app.database.db_execute(&format!(
        "UPDATE mails SET due_at = '{due}', lease = 'another', leased_until = '{until}' WHERE id = '{id}'"
    ));
    sleep(Duration::from_millis(2500)).await;
    assert_eq!(server.received(), []);
    app.app.advance(TimeDelta::seconds(90));
    server.wait_for(1).await;
}

/// On PostgreSQL the claim then waits for the row's lock, and must compare the lease again.
#[actix_web::test]
async fn a_mail_that_another_server_is_claiming_is_left_to_it() {
    let server = server();
    let app = MailApp::start(&server, &[]).await;
    let later = app.app.clock.now() + TimeDelta::hours(1);
    let id = db_enqueue(&app.app.database, "new_device", "ann@example.org", "en", later, TimeDelta::hours(1));
    let until = sql_time(later + TimeDelta::seconds(90));
    let claim = format!("UPDATE mails SET lease = 'another', leased_until = '{until}' WHERE id = '{id}'");
    let claiming = app.app.database.db_begin(&claim);
    app.app.advance(TimeDelta::hours(1));
    wait_for_claim(&app.app.database).await;
    claiming.commit();
    sleep(Duration::from_millis(1500)).await;
    assert_eq!((server.received(), app.db_column(&id, "lease")), (vec![], "another".to_owned()));
    app.app.advance(TimeDelta::seconds(90));
    server.wait_for(1).await;
}

/// Until the server's claim waits for the open transaction.
async fn wait_for_claim(database: &TestDatabase) {
    if !database.is_postgres() {
        return sleep(Duration::from_millis(1500)).await;
    }
    let waiting = "SELECT query AS value FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                   AND application_name = current_setting('application_name') AND query LIKE 'UPDATE%mails%'";
    let started = Instant::now();
    while database.db_texts(waiting).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "no claim");
        sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn a_delivery_that_outlives_its_lease_records_nothing() {
    let server = server();
    server.set_fault(Some(SmtpFault::Slow(Duration::from_secs(2))));
    let app = MailApp::start(&server, &[]).await;
    let id = app.db_enqueue("ann@example.org");
    app.db_wait("lease IS NOT NULL", 1).await;
    let until = sql_time(app.app.clock.now() + TimeDelta::seconds(90));
    let claim = format!("UPDATE mails SET lease = 'another', leased_until = '{until}' WHERE id = '{id}'");
    app.app.database.db_execute(&claim);
    server.wait_for(1).await;
    sleep(Duration::from_secs(1)).await;
    let [lease, sent_at] = ["lease", "sent_at"].map(|column| app.db_column(&id, column));
    assert_eq!([lease, sent_at], ["another", "-"]);
    // The other server has stopped: the mail is sent again, with the same content.
    server.set_fault(None);
    app.app.advance(TimeDelta::seconds(90));
    let mails = server.wait_for(2).await;
    assert_eq!(mails[0].data, mails[1].data);
    app.db_wait("sent_at IS NOT NULL", 1).await;
}
