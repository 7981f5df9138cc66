//! With synchronous replication, the loss of the database's leader undoes no rotation.

use std::io::Write as _;

use super::promises::assert_all;
use super::runs;
use crate::patroni::Patroni;

const KILL: &str = "kill-leader";

#[actix_web::test]
#[ignore = "long: eleven failovers take seven minutes"]
async fn failovers_behind_haproxy_break_no_promise() {
    let mut faults = [KILL; 11];
    // Its connections stay open until HAProxy closes them.
    faults[10] = "freeze-leader";
    fail_over("HAPROXY_URL", &faults).await;
}

#[actix_web::test]
#[ignore = "long: three failovers take two minutes"]
async fn failovers_to_another_host_of_the_url_break_no_promise() {
    fail_over("HOSTS_URL", &[KILL; 3]).await;
}

#[actix_web::test]
#[ignore = "long: two failovers take a minute and a half"]
async fn failovers_behind_pgbouncer_break_no_promise() {
    fail_over("PGBOUNCER_URL", &[KILL; 2]).await;
}

/// `url`: a name in the file that `cluster.sh` writes.
async fn fail_over(url: &str, faults: &[&str]) {
    let Some(patroni) = Patroni::start() else { return };
    let (run, mut outages) = runs::fail_over(&patroni, url, faults).await;
    outages.sort();
    let (median, max) = (outages[outages.len() / 2], outages[outages.len() - 1]);
    writeln!(std::io::stderr(), "{url}: no refresh for {median:?} (median), {max:?} (max)\n{run}")
        .expect("stderr");
    assert_all(&run);
}
