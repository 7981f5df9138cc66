//! Without synchronous replication, the loss of the database's leader undoes rotations, but ends no session.

use std::thread::sleep;
use std::time::Duration;

use test_support::{Program, TestDatabase, free_address};

use crate::patroni::Patroni;
use crate::servers::Deployment;
use crate::traffic::{Traffic, User};

const USERS: usize = 8;
const KILLS: usize = 4;

#[actix_web::test]
#[ignore = "long: four failovers take two minutes"]
async fn failovers_without_synchronous_replication_undo_rotations_and_end_no_session() {
    let Some(patroni) = Patroni::start() else { return };
    patroni.run(&["synchronous", "false"]).await;
    let deployment = Deployment::with(TestDatabase::kept(patroni.url("HAPROXY_URL")));
    let servers = [deployment.start().await, deployment.start_at(free_address(), &[]).await];
    let mut traffics = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        let mut users = Vec::new();
        for user in 0..USERS {
            users.push(User::register(server.address, &format!("user{number}-{user}")).await);
        }
        traffics.push(Traffic::start(server.address, users));
    }

    for _ in 0..KILLS {
        patroni.run(&["wait"]).await;
        for traffic in &traffics {
            traffic.wait_for_more(USERS * 5);
        }
        // What is committed from now on is lost.
        patroni.run(&["lag"]).await;
        sleep(Duration::from_millis(300));
        patroni.run(&["kill-leader"]).await;
        for traffic in &traffics {
            traffic.wait_for_more(USERS * 5);
        }
        patroni.run(&["revive"]).await;
    }

    let (mut unavailable, mut acknowledged) = (0, 0);
    for (traffic, server) in traffics.into_iter().zip(&servers) {
        let record = traffic.finish();
        record.assert_nothing_lost(server.address).await;
        unavailable += record.unavailable;
        acknowledged += record.users.iter().map(|user| user.generation).sum::<u64>();
    }
    let logs = servers.map(Program::kill).concat();
    let restored = logs.lines().filter(|line| line.contains("generation_restored")).count();
    println!(
        "{KILLS} failovers without synchronous replication: {acknowledged} refreshes acknowledged; {restored} sessions were \
         behind their tokens and continued; {unavailable} responses 503"
    );
    assert!(restored > 0, "no acknowledged rotation was lost, so this test shows nothing");
    assert!(!logs.contains("reuse_detected"), "{logs}");
}
