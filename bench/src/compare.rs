//! The table of ratios: what the servers reach, and what the hardware, PostgreSQL, SQLite and actix allow, in one run.

mod footprint;
mod limits;
mod logins;
mod machine;
mod peers;
mod population;
mod protected;
mod refresh;
mod report;
mod scale;
mod servers;
mod tokens;

use std::time::Duration;

use clap::ValueEnum;

use crate::load::{self, Measurement, Plan, Traffic};
pub use report::Report;
use report::{Bound, Row, Side};
pub use servers::programs;

/// The part of a measurement before it counts.
const WARM_UP: Duration = Duration::from_millis(700);

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Protected routes: warm tokens, new tokens
    Protected,
    /// Refreshes on PostgreSQL, with one and with two servers
    Postgres,
    /// Refreshes on SQLite
    Sqlite,
    /// Logins, and refreshes during a flood of logins
    Logins,
    /// Memory and start of the auth server
    Footprint,
    /// Ten million sessions, a million tokens
    Scale,
    /// The apps of bench/peers
    Peers,
}

impl Section {
    /// What a run without options measures, in a few minutes.
    pub const DEFAULT: [Self; 5] =
        [Self::Protected, Self::Postgres, Self::Sqlite, Self::Logins, Self::Footprint];
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to measure.
    pub sections: Vec<Section>,
    /// How often each side of a ratio is measured.
    pub rounds: usize,
    /// How long each time.
    pub length: Duration,
    /// URL of a PostgreSQL server with safety on disk. The role must be able to create schemas.
    pub postgres: String,
    /// The number of sessions in the large database.
    pub sessions: u32,
}

struct Lab {
    options: Options,
    report: Report,
}

/// Measures all sections one after the other, and shows the progress on the standard error.
///
/// # Panics
/// If a program does not start or a database rejects a statement.
#[must_use]
pub fn run(options: Options) -> Report {
    let sections = options.sections.clone();
    let mut lab = Lab { options, report: Report::default() };
    for section in sections {
        eprintln!("{section:?}");
        match section {
            Section::Protected => protected::measure(&mut lab),
            Section::Postgres => refresh::on_postgres(&mut lab),
            Section::Sqlite => refresh::on_sqlite(&mut lab),
            Section::Logins => logins::measure(&mut lab),
            Section::Footprint => footprint::measure(&mut lab),
            Section::Scale => scale::measure(&mut lab),
            Section::Peers => peers::measure(&mut lab),
        }
    }
    lab.report
}

impl Lab {
    fn plan(&self, connections: usize) -> Plan {
        Plan { connections, rate: None, warm_up: WARM_UP, length: self.options.length }
    }

    /// Sends a load as fast as the connections can. Failed requests are part of the report.
    fn load(&mut self, host: &str, traffic: &Traffic, connections: usize) -> Measurement {
        let plan = self.plan(connections);
        self.send(host, traffic, plan)
    }

    fn send(&mut self, host: &str, traffic: &Traffic, plan: Plan) -> Measurement {
        let measured = load::run(host, traffic, plan);
        self.check(&measured);
        measured
    }

    fn check(&mut self, measured: &Measurement) {
        if let Some(error) = &measured.first_error {
            let line = format!("{} requests failed, the first with: {error}", measured.errors);
            eprintln!("  {line}");
            self.report.errors.push(line);
        }
    }

    /// Measures both sides in turn.
    fn in_turn(
        &mut self,
        mut one: impl FnMut(&mut Self) -> f64,
        mut other: impl FnMut(&mut Self) -> f64,
    ) -> [Vec<f64>; 2] {
        let mut values = [Vec::new(), Vec::new()];
        for _ in 0..self.options.rounds {
            values[0].push(one(self));
            values[1].push(other(self));
        }
        values
    }

    fn row(&mut self, what: &'static str, bound: Bound, measured: Side, against: Side) {
        let row = Row { what, bound, measured, against };
        eprintln!("  {}", row.line());
        self.report.rows.push(row);
    }

    fn other(&mut self, side: Side) {
        eprintln!("  {}: {:.2} {}", side.what, side.median(), side.unit);
        self.report.others.push(side);
    }
}
