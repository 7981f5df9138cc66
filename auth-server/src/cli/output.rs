use std::io::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The output of a command.
pub struct Report {
    pub text: String,
    /// The output with `--json`.
    pub json: Value,
}

impl Report {
    pub fn of_health(health: &Result<String, String>) -> Self {
        match health {
            Ok(text) => Self { text: text.clone(), json: json!({"ready": true}) },
            Err(reason) => Self { text: reason.clone(), json: json!({"ready": false, "reason": reason}) },
        }
    }

    /// Prints to standard output. A closed pipe (`| head`) is not an error.
    pub fn print(&self, as_json: bool) {
        let text = if as_json { self.json.to_string() } else { self.text.clone() };
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

pub fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|title| (*title).to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let print = |line: &&Vec<String>| {
        let cells = line.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(print).collect::<Vec<_>>().join("\n")
}
