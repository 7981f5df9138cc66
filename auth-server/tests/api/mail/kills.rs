//! An auth server that is killed around a delivery.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use shared_claims::{Clock as _, SystemClock};
use tempfile::TempDir;
use test_support::{SmtpServer, SmtpTls, TestDatabase};

use crate::mail::outbox::{db_enqueue, smtp_flags};
use crate::program;

/// Mails for each server that is killed.
const MAILS: usize = 3;

#[actix_web::test]
async fn kills_around_a_delivery_lose_no_mail_and_repeat_only_identical_ones() {
    kill_around_deliveries(6).await;
}

#[ignore = "long: 200 kills"]
#[actix_web::test]
async fn two_hundred_kills_around_a_delivery_lose_no_mail() {
    kill_around_deliveries(200).await;
}

async fn kill_around_deliveries(kills: usize) {
    let (server, folder) = (SmtpServer::start(SmtpTls::StartTls), TempDir::new().expect("a folder"));
    let variables: Vec<(String, String)> = smtp_flags(&server, SmtpTls::StartTls, &folder)
        .chunks(2)
        .map(|flag| (flag[0].trim_start_matches('-').replace('-', "_").to_uppercase(), flag[1].clone()))
        .collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let database = TestDatabase::fresh();
    // Creates the tables.
    program::start(&database, &[]).await.kill();
    let mut recipients = HashSet::new();
    for kill in 0..kills {
        for number in 0..MAILS {
            let recipient = format!("user{kill}-{number}@example.org");
            let now = SystemClock.now();
            db_enqueue(&database, "password_changed", &recipient, "en", now, TimeDelta::hours(1));
            recipients.insert(recipient);
        }
        let (connections, received) = (server.connections(), server.received().len());
        // It sends what waits as soon as it has started.
        let program = program::spawn(&database, &variables);
        let started = Instant::now();
        // At every stage: before, during and after the deliveries, and between response and commit.
        let has_begun = || match kill % 3 {
            0 => server.connections() > connections,
            1 => server.received().len() > received,
            _ => server.received().len() >= received + MAILS,
        };
        while !has_begun() && started.elapsed() < Duration::from_secs(20) {
            sleep(Duration::from_micros(200)).await;
        }
        sleep(Duration::from_millis((kill as u64 * 7) % 20)).await;
        program.kill();
        // As if the lease had ended.
        database.db_execute("UPDATE mails SET leased_until = created_at WHERE sent_at IS NULL");
    }
    let survivor = program::start(&database, &variables).await;
    let waiting = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM mails WHERE sent_at IS NULL";
    let started = Instant::now();
    while database.db_text(waiting) != "0" {
        assert!(started.elapsed() < Duration::from_secs(60), "{} mails wait", database.db_text(waiting));
        sleep(Duration::from_millis(50)).await;
    }
    survivor.kill();
    let mut by_recipient: HashMap<String, Vec<String>> = HashMap::new();
    for mail in server.received() {
        by_recipient.entry(mail.to).or_default().push(mail.data);
    }
    let lost: Vec<_> = recipients.iter().filter(|to| !by_recipient.contains_key(*to)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    for (to, copies) in &by_recipient {
        assert!(copies.iter().all(|copy| copy == &copies[0]), "different mails to {to}: {copies:#?}");
    }
    let repeated = by_recipient.values().filter(|copies| copies.len() > 1).count();
    println!("{kills} kills: {repeated} of {} mails were sent more than once", recipients.len());
}
