//! What the response times of requests for mails depend on: neither on whether a user has the address, nor on the mail server.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use bench::{BenchServer, Latencies, PASSWORD, millis};
use clap::Parser;
use serde_json::json;
use tempfile::TempDir;
use test_support::{SmtpFault, SmtpServer, SmtpTls, TestDatabase};
use tokio::time::sleep;

/// The largest allowed difference of the medians for known and unknown addresses, relative to the smaller one.
const DIFFERENCE: f64 = 0.05;
/// The 99th percentile while the mail server is silent, at most this many times the one while it responds.
const SLOWDOWN: f64 = 1.2;
/// Users to whom both mail servers get a mail.
const USERS: u32 = 20;
const BETWEEN_REQUESTS: Duration = Duration::from_millis(10);

/// Requests mails for a forgotten password, and for registrations that must prove the address: for known and unknown addresses in
/// turn. Then the former from two auth servers in turn, one of them with a mail server that never responds. On PostgreSQL if
/// `LATCHKEY_TEST_DATABASE_URL` is set.
///
/// Exit status: 0 if the medians differ by at most 5 %, and the silent mail server lengthens the 99th percentile by at most 20 %.
#[derive(Parser)]
struct Arguments {
    /// Requests for known addresses, and for unknown ones
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    requests: u32,

    /// How long the mail server is silent, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// Rounds before the benchmark fails: other programs disturb one round, a real difference shows in all
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// An auth server that sends mails.
struct Side {
    server: BenchServer,
    client: awc::Client,
    mail: SmtpServer,
    _folder: TempDir,
}

/// What is requested.
#[derive(Clone, Copy)]
enum Kind {
    Forgotten,
    Registration,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let passed = System::new().block_on(async {
        let side = Side::start(arguments.requests).await;
        let mut passed = true;
        for kind in [Kind::Forgotten, Kind::Registration] {
            passed &= known_and_unknown(&side, kind, &arguments).await;
            println!();
        }
        drop(side);
        silent_mail_server(&arguments).await && passed
    });
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn known_and_unknown(side: &Side, kind: Kind, arguments: &Arguments) -> bool {
    println!(
        "{}, {} requests each, for known and unknown addresses in turn",
        kind.path(),
        arguments.requests
    );
    for number in 1..=arguments.rounds {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        // Without the limits per address.
        side.server.database().db_execute("DELETE FROM mails; DELETE FROM proofs");
        for request in 0..arguments.requests {
            let (of_user, of_nobody) = (user(request), format!("unknown{request}@example.org"));
            // Each kind follows itself as often as the other.
            if request % 2 == 0 {
                known.push(side.request(kind, &of_user).await);
                unknown.push(side.request(kind, &of_nobody).await);
            } else {
                unknown.push(side.request(kind, &of_nobody).await);
                known.push(side.request(kind, &of_user).await);
            }
        }
        let [known, unknown] = [known, unknown].map(|all| Latencies::of(all).expect("a request"));
        print(&[("known", &known), ("unknown", &unknown)]);
        let ratio = unknown.median().div_duration_f64(known.median());
        println!("  ratio of the medians, unknown / known: {ratio:.3}");
        if ratio.max(1.0 / ratio) - 1.0 <= DIFFERENCE {
            return true;
        }
        println!(
            "  round {number} of {}: more than the limit of {:.0} %",
            arguments.rounds,
            DIFFERENCE * 100.0
        );
    }
    false
}

async fn silent_mail_server(arguments: &Arguments) -> bool {
    let path = Kind::Forgotten.path();
    println!(
        "{path}, {} s, with a silent mail server and with one that responds, in turn",
        arguments.seconds
    );
    for number in 1..=arguments.rounds {
        let (responsive, silent) = (Side::start(USERS).await, Side::start(USERS).await);
        silent.mail.set_fault(Some(SmtpFault::Silent));
        for request in 0..USERS {
            responsive.request(Kind::Forgotten, &user(request)).await;
            silent.request(Kind::Forgotten, &user(request)).await;
        }
        let (mut of_responsive, mut of_silent) = (Vec::new(), Vec::new());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(arguments.seconds) {
            let email = format!("unknown{}@example.org", of_silent.len());
            of_responsive.push(responsive.request(Kind::Forgotten, &email).await);
            sleep(BETWEEN_REQUESTS).await;
            of_silent.push(silent.request(Kind::Forgotten, &email).await);
            sleep(BETWEEN_REQUESTS).await;
        }
        assert!(silent.mail.connections() > 0 && silent.mail.received().is_empty(), "it is silent");
        assert_eq!(responsive.mail.received().len(), USERS as usize);
        let [responsive, silent] =
            [of_responsive, of_silent].map(|all| Latencies::of(all).expect("a request"));
        print(&[("responds", &responsive), ("silent", &silent)]);
        let ratio = silent.percentile(99).div_duration_f64(responsive.percentile(99));
        println!("  {} requests each; ratio of the p99, silent / responds: {ratio:.3}", silent.count());
        if ratio <= SLOWDOWN {
            return true;
        }
        println!("  round {number} of {}: more than the limit of {SLOWDOWN}", arguments.rounds);
    }
    false
}

impl Side {
    /// With this many users.
    async fn start(users: u32) -> Self {
        let (mail, folder) = (SmtpServer::start(SmtpTls::StartTls), TempDir::new().expect("a folder"));
        let authorities = folder.path().join("authorities.pem");
        std::fs::write(&authorities, &mail.certificate).expect("a file");
        let flags = [
            ["--mail-transport", "smtp"],
            ["--mail-from", "bench@example.org"],
            ["--smtp-host", "localhost"],
            ["--smtp-port", &mail.address.port().to_string()],
            ["--smtp-ca-file", &authorities.display().to_string()],
            ["--mail-rate-per-ip", "1000000"],
            ["--email-verification", "required"],
        ];
        let (client, database) = (test_support::client(), Arc::new(TestDatabase::fresh()));
        let open = BenchServer::with(Arc::clone(&database), &[]);
        for number in 0..users {
            open.register(&client, &user(number)).await;
        }
        drop(open);
        let side =
            Self { server: BenchServer::with(database, &flags.concat()), client, mail, _folder: folder };
        // Warm-up.
        for number in 0..20 {
            side.request(Kind::Forgotten, &format!("warm-up{number}@example.org")).await;
        }
        side
    }

    async fn request(&self, kind: Kind, email: &str) -> Duration {
        let body = match kind {
            Kind::Forgotten => json!({"email": email}),
            Kind::Registration => json!({"email": email, "password": PASSWORD}),
        };
        let call = self.server.post(&self.client, kind.path()).json(&body);
        let sent = Instant::now();
        let response = call.send().await;
        let took = sent.elapsed();
        response.assert_status(202);
        took
    }
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Forgotten => "/auth/password/forgot",
            Self::Registration => "/auth/register",
        }
    }
}

fn user(number: u32) -> String {
    format!("user{number}@example.org")
}

fn print(sides: &[(&str, &Latencies)]) {
    println!("\n  {:<10}{:>12}{:>12}{:>12}", "", "p10", "median", "p99");
    for (name, all) in sides {
        let [p10, median, p99] = [10, 50, 99].map(|percent| millis(all.percentile(percent)));
        println!("  {name:<10}{p10:>12}{median:>12}{p99:>12}");
    }
}
