//! What a flood of logins does to everybody else: how fast it is turned away, and what refreshes notice of it.
//!
//! Server and clients share the machine's cores. So that the figures are the server's and not the load's own, the
//! clients stay idle most of the time (who is refused waits a while, as Retry-After asks, so the load does not
//! chase its own tail), and refreshes are measured on a thread where nothing else runs. The time of a refusal
//! contains the load's own event loop: it is, if anything, too long.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use actix_web::rt::System;
use bench::logins::{Flood, Stretch, WAITING, flood, refreshes};
use bench::{BenchServer, Latencies, available_cores, millis};
use clap::Parser;

/// Median of a refusal.
const PROMISE: Duration = Duration::from_millis(50);
/// Time for connections to be made and the queue to fill.
const WARM_UP: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(3);

/// Floods an auth server with logins, and measures how fast they are refused, and refreshes before and meanwhile.
///
/// Exit status: 0 where half of the refusals take less than 50 ms, 1 where they do not.
#[derive(Parser)]
struct Arguments {
    /// How long the flood is measured, in seconds; the whole run takes some 6 more
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=20))]
    seconds: u64,

    /// Connections for each password that the server hashes or lets wait
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=50))]
    times: u8,

    /// How long a connection that was refused waits before it tries again, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pause: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let capacity = available_cores() + WAITING;
    let connections = capacity * usize::from(arguments.times);
    println!(
        "password-flood: {connections} connections against {capacity} places (hashed or waiting), {} s",
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
    let registered = System::new().block_on(server.register(&test_support::client(), "somebody@example.org"));
    registered.refresh_cookie().expect("a refresh cookie")
}

fn report(flood: Flood, idle: &Latencies, flooded: &Latencies) -> ExitCode {
    let (refused, checked) = (Latencies::of(flood.refused), Latencies::of(flood.checked));
    println!();
    println!("  {:<24}{:>8}{:>14}{:>14}", "", "count", "p50", "p99");
    let rows = [
        ("logins refused", refused.as_ref()),
        ("logins checked", checked.as_ref()),
        ("refreshes, idle", Some(idle)),
        ("refreshes, in the flood", Some(flooded)),
    ];
    for (name, measured) in rows {
        let Some(all) = measured else { continue };
        let [p50, p99] = [50, 99].map(|percent| millis(all.percentile(percent)));
        println!("  {name:<24}{:>8}{p50:>14}{p99:>14}", all.count());
    }
    let [p50, p99] =
        [50, 99].map(|percent| flooded.percentile(percent).div_duration_f64(idle.percentile(percent)));
    println!("  refreshes, in the flood / idle: p50 {p50:.2}, p99 {p99:.2}");

    match refused {
        Some(refused) if refused.median() < PROMISE => ExitCode::SUCCESS,
        Some(_) => {
            println!("  refusals are slower than the {} that are promised", millis(PROMISE));
            ExitCode::FAILURE
        }
        None => {
            println!("  nothing was refused: the flood did not fill the queue");
            ExitCode::FAILURE
        }
    }
}
