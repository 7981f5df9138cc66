//! Whether response times reveal which users exist: compares a wrong password with an unknown e-mail address.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use bench::{BenchServer, Latencies, millis};
use clap::Parser;
use serde_json::{Value, json};

/// The largest allowed difference of the medians, relative to the smaller one.
const LIMIT: f64 = 0.05;

/// Logs in with a wrong password and with an unknown e-mail address in turn, and compares the medians.
///
/// Exit status: 0 if they differ by at most 5 %, 1 otherwise.
#[derive(Parser)]
struct Arguments {
    /// Logins of each kind
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    logins: u32,

    /// Pairs of logins for the warm-up
    #[arg(long, default_value_t = 20)]
    warm_up: u32,

    /// Rounds before the benchmark fails: other programs disturb one round, a real difference shows in all
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// A server with one user.
struct Bench {
    server: BenchServer,
    client: awc::Client,
}

struct Round {
    wrong_password: Latencies,
    unknown_email: Latencies,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let passed = System::new().block_on(run(&arguments));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(arguments: &Arguments) -> bool {
    let bench = Bench { server: BenchServer::start(), client: test_support::client() };
    bench.server.register(&bench.client, "user@example.org").await;
    bench.round(arguments.warm_up.max(1)).await;

    println!("login-timing: {} logins of each kind, in turn", arguments.logins);
    for number in 1..=arguments.rounds {
        let round = bench.round(arguments.logins).await;
        round.print();
        if round.difference() <= LIMIT {
            return true;
        }
        println!("  round {number} of {}: more than the limit of {:.0} %", arguments.rounds, LIMIT * 100.0);
    }
    false
}

impl Bench {
    /// Reverses the order of every second pair, so that each kind follows itself as often as the other, and a slow phase of the
    /// machine affects both.
    async fn round(&self, logins: u32) -> Round {
        let (mut wrong_password, mut unknown_email) = (Vec::new(), Vec::new());
        for number in 0..logins {
            let known = json!({"email": "user@example.org", "password": "a wrong password"});
            let unknown =
                json!({"email": format!("unknown{number}@example.org"), "password": "a wrong password"});
            if number % 2 == 0 {
                wrong_password.push(self.rejected_login(&known).await);
                unknown_email.push(self.rejected_login(&unknown).await);
            } else {
                unknown_email.push(self.rejected_login(&unknown).await);
                wrong_password.push(self.rejected_login(&known).await);
            }
            self.server.forget_failures();
        }
        let of = |measured| Latencies::of(measured).expect("at least one login");
        Round { wrong_password: of(wrong_password), unknown_email: of(unknown_email) }
    }

    async fn rejected_login(&self, body: &Value) -> Duration {
        let call = self.server.post(&self.client, "/auth/login").json(body);
        let sent = Instant::now();
        let response = call.send().await;
        let took = sent.elapsed();
        response.assert_problem(401, "invalid_credentials");
        took
    }
}

impl Round {
    fn difference(&self) -> f64 {
        let (one, other) = (self.wrong_password.median(), self.unknown_email.median());
        one.max(other).div_duration_f64(one.min(other)) - 1.0
    }

    fn print(&self) {
        println!();
        println!("  {:<16}{:>12}{:>12}{:>12}", "", "p10", "median", "p90");
        for (name, all) in [("wrong password", &self.wrong_password), ("unknown e-mail", &self.unknown_email)]
        {
            let [p10, median, p90] = [10, 50, 90].map(|percent| millis(all.percentile(percent)));
            println!("  {name:<16}{p10:>12}{median:>12}{p90:>12}");
        }
        let ratio = self.unknown_email.median().div_duration_f64(self.wrong_password.median());
        println!("  ratio of the medians, unknown / wrong: {ratio:.3}");
    }
}
