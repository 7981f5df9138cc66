//! Servers that are broken on purpose: the promises detect it.

use super::model::Grace;
use super::promises::{Promise, acknowledged, broken, linearizable, one_lineage};
use super::runs;

/// Few batches form while little else uses the processor, so that one run may have none that matters.
const RUNS: usize = 5;

async fn assert_detected(point: &'static str, promises: &[Promise]) {
    for grace in [Grace::None, Grace::Endless] {
        let mut missed = promises.to_vec();
        for _ in 0..RUNS {
            if missed.is_empty() {
                break;
            }
            let run = runs::race(grace, 20, &[("LATCHKEY_FAIL_POINTS", point)]).await;
            missed.retain(|promise| broken(&run, *promise).is_empty());
        }
        assert!(missed.is_empty(), "{point} was not detected in {RUNS} runs");
    }
}

#[actix_web::test]
async fn a_rotation_without_its_guard_is_detected() {
    assert_detected("rotation-without-guard", &[linearizable, one_lineage]).await;
}

#[actix_web::test]
async fn a_response_sent_before_the_commit_is_detected() {
    assert_detected("response-without-commit", &[linearizable, acknowledged]).await;
}

/// Single transactions are committed. This also shows that the runs form batches.
#[actix_web::test]
async fn a_batch_that_is_not_committed_is_detected() {
    assert_detected("batch-without-commit", &[linearizable, acknowledged]).await;
}
