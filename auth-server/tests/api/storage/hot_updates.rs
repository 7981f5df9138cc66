//! A rotation is a heap-only update in PostgreSQL: it adds no index entry, and later ones reuse the space of old versions.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use test_support::TestDatabase;

use crate::app::{Session, TestApp};

/// Without reuse, they fill more than twelve pages.
const ROTATIONS: u32 = 300;

/// The server's other transactions can keep old versions alive for a moment. The row then moves to another page, which is not
/// a heap-only update and may be a new page.
#[actix_web::test]
async fn rotations_add_no_index_entries_and_reuse_the_space_of_old_versions() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return;
    }
    let mut session = app.register("ann").await;
    // Full pages: new versions have only the space that the fillfactor leaves.
    app.db_copy_session(&session, 100);
    let before = pages(&app.database);
    for number in 0..ROTATIONS {
        // Otherwise the times do not change, and an index on them would have no effect.
        app.advance(TimeDelta::seconds(1));
        let key = format!("key-of-rotation-number-{number}");
        let response = app.refresh_with_key(&session.refresh_token, &key).await;
        session = Session::of(&response.assert_status(200));
    }
    let grown = pages(&app.database) - before;
    assert!(grown <= 6, "{grown} more pages");

    let database = app.database.clone();
    app.stop().await;
    let (all, heap_only) = updates(&database);
    assert_eq!(all, ROTATIONS);
    assert!(heap_only >= ROTATIONS * 9 / 10, "{heap_only} heap-only updates");
}

fn pages(database: &TestDatabase) -> u32 {
    let size = "pg_relation_size('sessions') / current_setting('block_size')::int";
    database.db_text(&format!("SELECT ({size})::text AS value")).parse().expect("a number")
}

/// All updates of sessions, and the heap-only ones. A connection reports its last ones when it ends.
fn updates(database: &TestDatabase) -> (u32, u32) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let [all, heap_only] = ["n_tup_upd", "n_tup_hot_upd"].map(|count| {
            let statistics = "pg_stat_user_tables WHERE relid = 'sessions'::regclass";
            let count = database.db_text(&format!("SELECT {count}::text AS value FROM {statistics}"));
            count.parse().expect("a number")
        });
        if all >= ROTATIONS || Instant::now() > deadline {
            return (all, heap_only);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
