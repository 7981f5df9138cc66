//! Five times as many logins as the server can hash and queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use bench::logins::{Flood, Stretch, WAITING, flood, refreshes};
use bench::{Latencies, available_cores, millis};
use test_support::Program;

use crate::servers::{Deployment, on_postgres, register};

/// The default, in KiB.
const ARGON2_MEMORY: u64 = 19456;
/// For the connections, the queued requests and the allocator: less than one more hash.
const ALLOWANCE: u64 = 18 << 20;
const PAUSE: Duration = Duration::from_millis(500);

#[actix_web::test]
async fn a_flood_of_logins_uses_memory_for_one_hash_per_core() {
    flooded(Duration::from_secs(2)).await;
}

#[ignore = "long: enough refreshes for figures"]
#[actix_web::test]
async fn a_long_flood_of_logins_uses_no_more_memory_and_returns_it() {
    let Some((_deployment, server, rest)) = flooded(Duration::from_secs(30)).await else { return };
    // The memory is kept for 10 s.
    let deadline = Instant::now() + Duration::from_secs(30);
    while server.resident_memory() > rest + ALLOWANCE {
        assert!(
            Instant::now() < deadline,
            "{} MiB, {} MiB before",
            server.resident_memory() >> 20,
            rest >> 20
        );
        thread::sleep(PAUSE);
    }
}

/// Returns the server, and its memory before the flood without that of hashes. `None` on PostgreSQL.
async fn flooded(length: Duration) -> Option<(Deployment, Program, u64)> {
    if on_postgres() {
        return None;
    }
    let deployment = Deployment::new();
    let memory = ARGON2_MEMORY.to_string();
    let server = deployment.start_with(&[("ARGON2_MEMORY_KIB", &memory), ("ARGON2_ITERATIONS", "2")]).await;
    let mut token = register(&server, "user").await.refresh_cookie().expect("a cookie");
    let cores = available_cores();
    let connections = (cores + WAITING) * 5;
    let url = server.url();

    let idle = in_thread(|| {
        refreshes(&url, &mut token, Stretch::starting_in(Duration::ZERO, Duration::from_secs(1)))
    });
    // One hash was computed, and its memory is kept.
    let resident = server.resident_memory();
    let stretch = Stretch::starting_in(Duration::from_secs(1), length);
    let over = AtomicBool::new(false);
    let (flooded, during, peak) = thread::scope(|scope| {
        let load = scope.spawn(|| System::new().block_on(flood(&url, connections, PAUSE, stretch)));
        let peak = scope.spawn(|| highest_memory(&server, &over));
        let during = scope.spawn(|| refreshes(&url, &mut token, stretch)).join().expect("refreshes");
        let load = load.join().expect("a flood");
        over.store(true, Ordering::SeqCst);
        (load, during, peak.join().expect("its memory"))
    });
    report(flooded, &idle, &during);

    let hash = ARGON2_MEMORY * 1024;
    let hashes = u64::try_from(cores).expect("some cores") * hash;
    println!(
        "{connections} connections: {} MiB at rest, {} MiB at most; {cores} hashes take {} MiB",
        resident >> 20,
        peak >> 20,
        hashes >> 20
    );
    assert!(peak >= hashes, "nothing was hashed");
    assert!(peak <= resident - hash + hashes + ALLOWANCE, "{peak} bytes are more than {cores} hashes need");
    Some((deployment, server, resident - hash))
}

/// A blocking client must not run on the test's event loop.
fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().expect("a thread"))
}

fn highest_memory(server: &Program, over: &AtomicBool) -> u64 {
    let mut highest = 0;
    while !over.load(Ordering::SeqCst) {
        highest = highest.max(server.resident_memory());
        thread::sleep(Duration::from_millis(5));
    }
    highest
}

fn report(flood: Flood, idle: &Latencies, during: &Latencies) {
    let rejected = Latencies::of(flood.rejected).expect("a rejected login");
    // If a hash takes long, all logins that are verified in the stretch were sent before it.
    let checked = Latencies::of(flood.checked);
    let rows = [
        ("logins rejected", Some(&rejected)),
        ("logins verified", checked.as_ref()),
        ("refreshes, idle", Some(idle)),
        ("refreshes, flooded", Some(during)),
    ];
    for (name, all) in rows {
        let Some(all) = all else { continue };
        let [p50, p99] = [50, 99].map(|percent| millis(all.percentile(percent)));
        println!("  {name:<24}{:>8}  p50 {p50:>10}  p99 {p99:>10}", all.count());
    }
}
