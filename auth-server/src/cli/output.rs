//! What the program does beside serving: one thing, told in a table for people or in JSON for programs.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// What a command has to say, in both forms.
pub struct Report {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}

impl Report {
    /// What a server answered to the question whether it is ready, or why it is not.
    #[must_use]
    pub fn of_health(answer: &Result<String, String>) -> Self {
        match answer {
            Ok(answer) => Self { text: answer.clone(), json: json!({"ready": true}) },
            Err(reason) => Self { text: reason.clone(), json: json!({"ready": false, "reason": reason}) },
        }
    }

    /// On standard output; a reader that has hung up (`| head`) is no error.
    pub fn print(&self, as_json: bool) {
        let text = if as_json { self.json.to_string() } else { self.text.clone() };
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// As tables have it, and our own JSON about keys.
pub fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Columns as wide as their widest cell.
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
