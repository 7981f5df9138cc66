//! Prints the table of ratios. `scripts/bench.sh` builds what it measures and starts PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::compare::{self, Options, Section};
use clap::Parser;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->\n";

/// Measures the servers, and what the hardware, PostgreSQL, SQLite and actix allow, in turn, and prints the ratios.
///
/// Exit status: 0 if every ratio is within its limit and every request succeeded, 1 otherwise.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
struct Arguments {
    /// Also measure ten million sessions and a million tokens, which takes about ten minutes
    #[arg(long)]
    full: bool,

    /// Also measure the apps of bench/peers, which are installed first
    #[arg(long)]
    peers: bool,

    /// Measure only these sections
    #[arg(long, value_delimiter = ',')]
    only: Vec<Section>,

    /// How often each side of a ratio is measured. The median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,

    /// How long each time, in seconds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,

    /// Number of sessions in the large database
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u32).range(10_000..))]
    sessions: u32,

    /// Print the block of docs/performance.md
    #[arg(long)]
    markdown: bool,

    /// Replace that block in docs/performance.md, and the stacks in README.md
    #[arg(long)]
    write: bool,

    /// Where to write the figures as JSON [default: bench.json in cargo's target folder]
    #[arg(long)]
    json: Option<PathBuf>,

    /// URL of a PostgreSQL server with safety on disk
    #[arg(long, env = "LATCHKEY_BENCH_DATABASE_URL")]
    postgres: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let sections = arguments.sections();
    let report = compare::run(Options {
        sections,
        rounds: arguments.rounds.into(),
        length: Duration::from_secs(arguments.seconds),
        postgres: arguments.postgres,
        sessions: arguments.sessions,
    });
    print!("{}", if arguments.markdown { report.markdown() } else { report.text() });
    if arguments.write {
        replace_figures(&report.markdown());
        replace_rows(&report.stack_rows());
    }
    let json = arguments.json.unwrap_or_else(|| compare::programs().join("../bench.json"));
    if let Err(error) = fs::write(&json, format!("{:#}\n", report.to_json())) {
        eprintln!("{}: {error}", json.display());
        return ExitCode::from(2);
    }
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replace_figures(block: &str) {
    let text = fs::read_to_string(DOCUMENT).expect(DOCUMENT);
    let (before, rest) = text.split_once(BEGIN).expect(BEGIN);
    let (_, after) = rest.split_once(END).expect(END);
    fs::write(DOCUMENT, format!("{before}{BEGIN}{block}{END}{after}")).expect(DOCUMENT);
}

/// Replaces the rows of the README that have the same first cell.
fn replace_rows(rows: &[String]) {
    let text = fs::read_to_string(README).expect(README);
    let lines = text.lines().map(|line| {
        let row =
            rows.iter().find(|row| line.starts_with('|') && line.split('|').nth(1) == row.split('|').nth(1));
        row.map_or(line, String::as_str)
    });
    let lines: Vec<&str> = lines.collect();
    fs::write(README, lines.join("\n") + "\n").expect(README);
}

impl Arguments {
    fn sections(&self) -> Vec<Section> {
        if !self.only.is_empty() {
            return self.only.clone();
        }
        let full = self.full.then_some(Section::Scale);
        let peers = self.peers.then_some(Section::Peers);
        Section::DEFAULT.into_iter().chain(full).chain(peers).collect()
    }
}
