//! `auth-server users import`: imports users from another system.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, stdin};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{OutputOptions, Report, Text};
use crate::cli::screen::Cell;
use crate::domain::operation::Operation;
use crate::domain::users::import::{ImportError, Options, Outcome, Update, dry_run, import};
use crate::model::ClientInfo;
use crate::settings::Settings;
use crate::store::Database;

/// How many invalid lines are reported one by one.
const SHOWN_BAD_LINES: u64 = 100;
const BUFFER_BYTES: usize = 256 * 1024;

#[derive(Args, Clone)]
pub struct Import {
    /// File with one user per line, in JSON; `-` is standard input and requires `--bad-lines skip`
    pub file: PathBuf,
    /// What to do if some lines are invalid
    #[arg(long, default_value = "refuse")]
    pub bad_lines: BadLines,
    /// Ignore unknown JSON members
    #[arg(long)]
    pub ignore_unknown: bool,
    /// The hashes are from Flask-Security; the servers require `FLASK_SECURITY_PASSWORD_SALT` to verify them
    #[arg(long)]
    pub flask_security: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BadLines {
    /// Read the whole file first, and import nothing if a line is invalid
    Refuse,
    /// Import the other lines
    Skip,
}

/// If there are invalid lines, prints the report before it returns the error.
pub async fn run(
    settings: &Settings,
    database: &Database,
    arguments: &Import,
    output: OutputOptions,
) -> Result<Report, String> {
    let Import { file, bad_lines, ignore_unknown, flask_security } = arguments;
    let totp_encryption = settings.totp_encryption();
    let options = Options {
        ignore_unknown: *ignore_unknown,
        flask_security: *flask_security,
        totp_encryption: totp_encryption.as_ref(),
    };
    let (file, bad_lines) = (file.as_path(), *bad_lines);
    let operation = Operation::new(database, ClientInfo::operator(), SystemClock.now());
    let failed = |error: ImportError| format!("the import is incomplete: {error}; run it again to continue");
    let outcome = if file == Path::new("-") {
        if bad_lines == BadLines::Refuse {
            return Err("standard input cannot be read twice: pass a file or --bad-lines skip".to_owned());
        }
        import_all(&operation, stdin().lock(), 0, options).await.map_err(failed)?
    } else {
        let unreadable = |error| format!("cannot read {}: {error}", file.display());
        let mut source = File::open(file).map_err(unreadable)?;
        let bytes = source.metadata().map_err(unreadable)?.len();
        if bad_lines == BadLines::Refuse {
            let mut progress = Progress::new("reading", bytes);
            let reader = BufReader::with_capacity(BUFFER_BYTES, &source);
            let judged = dry_run(&operation, reader, options, |update| progress.show(&update)).await;
            progress.finish();
            let judged = judged.map_err(|error| format!("nothing was imported: {error}"))?;
            if judged.rejected > 0 {
                report(Outcome { imported: 0, ..judged }).print(output);
                return Err(format!("nothing was imported: {} invalid line(s)", judged.rejected));
            }
            source.rewind().map_err(|_| {
                format!("{} cannot be read twice: pass a regular file or --bad-lines skip", file.display())
            })?;
        }
        import_all(&operation, BufReader::with_capacity(BUFFER_BYTES, source), bytes, options)
            .await
            .map_err(failed)?
    };
    let report = report(outcome);
    if outcome.rejected == 0 {
        return Ok(report);
    }
    report.print(output);
    Err(format!("{} invalid line(s) were not imported", outcome.rejected))
}

async fn import_all(
    operation: &Operation<'_>,
    source: impl BufRead,
    bytes: u64,
    options: Options<'_>,
) -> Result<Outcome, ImportError> {
    let mut progress = Progress::new("importing", bytes);
    let outcome = import(operation, source, options, |update| progress.show(&update)).await;
    progress.finish();
    outcome
}

fn report(outcome: Outcome) -> Report {
    let Outcome { imported, already_there, rejected } = outcome;
    let rows = vec![
        ("imported", Cell::text(imported.to_string())),
        ("already there", Cell::text(already_there.to_string())),
        ("rejected", Cell::text(rejected.to_string())),
    ];
    Report {
        text: Text::Details { title: None, rows },
        json: json!({"imported": imported, "already_there": already_there, "rejected": rejected}),
        columns: &["imported", "already_there", "rejected"],
    }
}

/// Prints invalid lines to standard error and, if that is a terminal, a progress bar.
struct Progress {
    bar: ProgressBar,
    bad_lines: u64,
}

impl Progress {
    fn new(phase: &'static str, bytes: u64) -> Self {
        let template = "{msg} {bar:40} {percent}% {bytes}, {elapsed}, {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar =
            if bytes == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(bytes).with_style(style) };
        Self { bar: bar.with_message(phase), bad_lines: 0 }
    }

    fn show(&mut self, update: &Update<'_>) {
        match update {
            Update::BadLine { line, reason } => {
                self.bad_lines += 1;
                if self.bad_lines <= SHOWN_BAD_LINES {
                    self.bar.suspend(|| eprintln!("line {line} {reason}"));
                }
            }
            Update::BytesDone(bytes) => self.bar.set_position(*bytes),
        }
    }

    fn finish(self) {
        self.bar.finish_and_clear();
        if self.bad_lines > SHOWN_BAD_LINES {
            eprintln!("and {} more invalid line(s)", self.bad_lines - SHOWN_BAD_LINES);
        }
    }
}
