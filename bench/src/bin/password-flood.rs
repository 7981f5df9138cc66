//! How fast the server rejects excess logins, and how a flood of logins affects refreshes.
//!
//! Server and clients share the machine's cores. To measure the server and not the load, the clients are idle most of the
//! time (after a rejection they pause), and refreshes are measured on a separate thread. The time of a rejection includes the
//! load's own event loop, so it is rather too long than too short.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use actix_web::rt::System;
use bench::logins::{Flood, Stretch, WAITING, flood, refreshes};
use bench::{BenchServer, Latencies, available_cores, millis};
use clap::Parser;

/// The limit for the median of rejections.
const LIMIT: Duration = Duration::from_millis(50);
/// Time to open the connections and fill the queue.
const WARM_UP: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(3);

/// Floods an auth server with logins, and measures how fast they are rejected, and refreshes before and meanwhile.
///
/// Exit status: 0 if the median of rejections is below 50 ms, 1 otherwise.
#[derive(Parser)]
struct Arguments {
    /// How long the flood is measured, in seconds; the whole run takes about 6 s longer
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=20))]
    seconds: u64,

    /// Connections per password that the server hashes or queues
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=50))]
    times: u8,

    /// Pause of a connection after a rejection, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pause: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let capacity = available_cores() + WAITING;
    let connections = capacity * usize::from(arguments.times);
    println!(
        "password-flood: {connections} connections for {capacity} passwords (hashed or queued), {} s",
        arguments.seconds
    );

    let pause = Duration::from_millis(arguments.pause);
    let server = BenchServer::start();
    let mut token = register(&server);
    let idle = refreshes(server.url(), &mut token, Stretch::starting_in(Duration::ZERO, IDLE));
    let stretch = Stretch::starting_in(WARM_UP, Duration::from_secs(arguments.seconds));
    let (flood, flooded) = thread::scope(|scope| {
        let flood = scope.spawn(|| System::new().block_on(flood(server.url(), connections, pause, stretch)));
        let flooded = refreshes(server.url(), &mut token, stretch);
        (flood.join().expect("the flood"), flooded)
    });
    report(flood, &idle, &flooded)
}

fn register(server: &BenchServer) -> String {
    let registered = System::new().block_on(server.register(&test_support::client(), "user@example.org"));
    registered.refresh_cookie().expect("a refresh cookie")
}

fn report(flood: Flood, idle: &Latencies, flooded: &Latencies) -> ExitCode {
    let (rejected, checked) = (Latencies::of(flood.rejected), Latencies::of(flood.checked));
    println!();
    println!("  {:<24}{:>8}{:>14}{:>14}", "", "count", "p50", "p99");
    let rows = [
        ("logins rejected", rejected.as_ref()),
        ("logins verified", checked.as_ref()),
        ("refreshes, idle", Some(idle)),
        ("refreshes, flooded", Some(flooded)),
    ];
    for (name, measured) in rows {
        let Some(all) = measured else { continue };
        let [p50, p99] = [50, 99].map(|percent| millis(all.percentile(percent)));
        println!("  {name:<24}{:>8}{p50:>14}{p99:>14}", all.count());
    }
    let [p50, p99] =
        [50, 99].map(|percent| flooded.percentile(percent).div_duration_f64(idle.percentile(percent)));
    println!("  refreshes, flooded / idle: p50 {p50:.2}, p99 {p99:.2}");

    match rejected {
        Some(rejected) if rejected.median() < LIMIT => ExitCode::SUCCESS,
        Some(_) => {
            println!("  rejections are slower than the limit of {}", millis(LIMIT));
            ExitCode::FAILURE
        }
        None => {
            println!("  no login was rejected: the flood did not fill the queue");
            ExitCode::FAILURE
        }
    }
}
