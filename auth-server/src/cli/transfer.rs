//! `auth-server export` and `import`: move all data to another database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek, stdin, stdout};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{OutputOptions, Report, Text};
use crate::cli::screen::Cell;
use crate::settings::Settings;
use crate::store::DatabaseUrl;
use crate::store::transfer::{self, Contents, TransferError};

const BUFFER_BYTES: usize = 256 * 1024;
const BYTES: &str = "{msg} {bar:40} {percent}% {bytes}, {elapsed}, {eta} left";
const ROWS: &str = "{msg} {bar:40} {percent}% {human_pos} rows, {elapsed}, {eta} left";

#[derive(Args, Clone)]
pub struct ExportArguments {
    /// File to create; `-` is standard output
    pub file: PathBuf,
    /// Export although servers are running. What they change later is missing in the file: for example, a session that ends
    /// then is active again after the import
    #[arg(long)]
    pub live: bool,
}

#[derive(Args, Clone)]
pub struct ImportArguments {
    /// File of `auth-server export`; `-` is standard input
    pub file: PathBuf,
}

pub fn export(settings: &Settings, arguments: &ExportArguments, output: OutputOptions) -> Result<(), String> {
    let ExportArguments { file, live } = arguments;
    let url = settings.database_url()?;
    let options = transfer::Export { live: *live, now: SystemClock.now() };
    let failed = |error| explained(&format!("cannot export {url}"), error);
    if file == Path::new("-") {
        let out = BufWriter::with_capacity(BUFFER_BYTES, stdout().lock());
        return write(&url, &options, out).map(drop).map_err(failed);
    }
    let out = create(file).map_err(|error| format!("cannot create {}: {error}", file.display()))?;
    let written = write(&url, &options, BufWriter::with_capacity(BUFFER_BYTES, &out));
    match written.and_then(|rows| out.sync_all().map(|()| rows).map_err(TransferError::File)) {
        Ok(rows) => {
            report(rows, &[]).print(output);
            Ok(())
        }
        Err(error) => {
            let _ = fs::remove_file(file);
            Err(failed(error))
        }
    }
}

pub fn import(settings: &Settings, ImportArguments { file }: &ImportArguments) -> Result<Report, String> {
    let url = settings.database_url()?;
    let contents = if file == Path::new("-") {
        read(&url, stdin().lock(), ProgressBar::new_spinner())?
    } else {
        let unreadable = |error: io::Error| format!("cannot read {}: {error}", file.display());
        let mut source = File::open(file).map_err(unreadable)?;
        let bytes = source.metadata().map_err(unreadable)?.len();
        let reader = BufReader::with_capacity(BUFFER_BYTES, &source);
        let bar = bar(BYTES).with_message("reading");
        bar.set_length(bytes);
        let verified = transfer::verify(reader, |bytes| bar.set_position(bytes));
        bar.finish_and_clear();
        verified.map_err(|error| explained("nothing was imported", error))?;
        source.rewind().map_err(unreadable)?;
        bar.reset();
        read(&url, source, bar)?
    };
    if contents.header.live {
        eprintln!(
            "warning: servers were running during the export at {}: what ended or changed later is as it was then",
            contents.header.exported_at
        );
    }
    let about = [("exported_at", json!(contents.header.exported_at)), ("live", json!(contents.header.live))];
    Ok(report(contents.rows().collect(), &about))
}

fn read(url: &DatabaseUrl, source: impl io::Read, bar: ProgressBar) -> Result<Contents, String> {
    let bar = bar.with_message("importing");
    let source = BufReader::with_capacity(BUFFER_BYTES, source);
    let contents = transfer::import(url, source, SystemClock.now(), |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    contents.map_err(|error| explained(&format!("cannot import into {url}"), error))
}

fn write(
    url: &DatabaseUrl,
    options: &transfer::Export,
    out: impl io::Write,
) -> Result<Vec<(&'static str, u64)>, TransferError> {
    let bar = bar(ROWS).with_message("exporting");
    let rows = transfer::export(url, options, out, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    rows
}

/// One line. An error of the connection names the database itself.
fn explained(what: &str, error: TransferError) -> String {
    match error {
        TransferError::Database(line) => line,
        error => format!("{what}: {error}"),
    }
}

fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

/// A new file that only its owner can read.
fn create(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.write(true).create_new(true).open(path)
}

fn report(rows: Vec<(&'static str, u64)>, about: &[(&str, Value)]) -> Report {
    let tables: Map<String, Value> =
        rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
    let mut json = json!({"rows": rows.iter().map(|(_, rows)| rows).sum::<u64>(), "tables": tables});
    for (name, value) in about {
        json[*name] = value.clone();
    }
    let rows = rows.into_iter().map(|(table, rows)| (table, Cell::text(rows.to_string())));
    Report { text: Text::Details { title: None, rows: rows.collect() }, json, columns: &["rows"] }
}
