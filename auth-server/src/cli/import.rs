//! `auth-server users import`: brings people along from another system.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, stdin};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{Report, table};
use crate::domain::users::import::{ImportError, News, Options, Outcome, import, judge};
use crate::store::Database;

/// More of them help nobody.
const SHOWN_BAD_LINES: u64 = 100;
const BUFFER_BYTES: usize = 256 * 1024;

/// What to import, and how.
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// One person a line, in JSON; `-` is standard input, which needs `--bad-lines skip`
    pub file: PathBuf,
    /// What to do where some lines are bad: write nothing at all, or leave those out
    #[arg(long, default_value = "refuse")]
    pub bad_lines: BadLines,
    /// Pass over members that mean nothing here
    #[arg(long)]
    pub ignore_unknown: bool,
    /// The hashes are Flask-Security's: the servers need `FLASK_SECURITY_PASSWORD_SALT` to check them
    #[arg(long)]
    pub flask_security: bool,
}

/// What to do where some lines are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BadLines {
    /// The whole file is read first, and nothing is written if a line is bad.
    Refuse,
    /// The others are imported.
    Skip,
}

/// Imports the file. Where lines were bad the report comes before the error.
pub async fn run(database: &Database, wanted: &Import, as_json: bool) -> Result<Report, String> {
    let Import { file, bad_lines, ignore_unknown, flask_security } = wanted;
    let options = Options { ignore_unknown: *ignore_unknown, flask_security: *flask_security };
    let (file, bad_lines) = (file.as_path(), *bad_lines);
    let now = SystemClock.now();
    let failed = |error: ImportError| format!("the import is not complete: {error}; run it again to go on");
    let outcome = if file == Path::new("-") {
        if bad_lines == BadLines::Refuse {
            return Err("standard input cannot be read twice: give a file, or --bad-lines skip".to_owned());
        }
        written(database, stdin().lock(), 0, options, now).await.map_err(failed)?
    } else {
        let unreadable = |error| format!("cannot read {}: {error}", file.display());
        let mut source = File::open(file).map_err(unreadable)?;
        let bytes = source.metadata().map_err(unreadable)?.len();
        if bad_lines == BadLines::Refuse {
            let mut watcher = Watcher::new("reading", bytes);
            let reader = BufReader::with_capacity(BUFFER_BYTES, &source);
            let judged = judge(database, reader, options, now, |news| watcher.hear(&news)).await;
            watcher.end();
            let judged = judged.map_err(|error| format!("nothing was imported: {error}"))?;
            if judged.refused > 0 {
                report(Outcome { imported: 0, ..judged }).print(as_json);
                return Err(format!("nothing was imported: {} line(s) are bad", judged.refused));
            }
            source.rewind().map_err(|_| {
                format!("{} cannot be read twice: give a file, or --bad-lines skip", file.display())
            })?;
        }
        written(database, BufReader::with_capacity(BUFFER_BYTES, source), bytes, options, now)
            .await
            .map_err(failed)?
    };
    let report = report(outcome);
    if outcome.refused == 0 {
        return Ok(report);
    }
    report.print(as_json);
    Err(format!("{} line(s) were not imported: they are bad", outcome.refused))
}

async fn written(
    database: &Database,
    source: impl BufRead,
    bytes: u64,
    options: Options,
    now: DateTime<Utc>,
) -> Result<Outcome, ImportError> {
    let mut watcher = Watcher::new("importing", bytes);
    let outcome = import(database, source, options, now, |news| watcher.hear(&news)).await;
    watcher.end();
    outcome
}

fn report(outcome: Outcome) -> Report {
    let Outcome { imported, already_there, refused } = outcome;
    let row = [imported, already_there, refused].map(|number| number.to_string()).to_vec();
    Report {
        text: table(&["IMPORTED", "ALREADY THERE", "REFUSED"], &[row]),
        json: json!({"imported": imported, "already_there": already_there, "refused": refused}),
    }
}

/// Says on standard error which lines are bad and, if that is a terminal, how far we are.
struct Watcher {
    bar: ProgressBar,
    bad_lines: u64,
}

impl Watcher {
    fn new(what: &'static str, bytes: u64) -> Self {
        let template = "{msg} {bar:40} {percent}% {bytes}, {elapsed}, {eta} to go";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar =
            if bytes == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(bytes).with_style(style) };
        Self { bar: bar.with_message(what), bad_lines: 0 }
    }

    fn hear(&mut self, news: &News<'_>) {
        match news {
            News::Bad { line, reason } => {
                self.bad_lines += 1;
                if self.bad_lines <= SHOWN_BAD_LINES {
                    self.bar.suspend(|| eprintln!("line {line} {reason}"));
                }
            }
            News::Done(bytes) => self.bar.set_position(*bytes),
        }
    }

    fn end(self) {
        self.bar.finish_and_clear();
        if self.bad_lines > SHOWN_BAD_LINES {
            eprintln!("and {} more", self.bad_lines - SHOWN_BAD_LINES);
        }
    }
}
