//! What a command prints: a report, as text, JSON or CSV.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::screen::{Cell, Screen};
use crate::cli::table::Table;
use crate::model::csv;

/// `warning` and two blanks.
const VERDICT_WIDTH: usize = 9;

/// How a command prints its report.
#[derive(Args, Clone, Copy)]
pub struct OutputOptions {
    /// Format of the output
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
    format: Format,
    /// Same as `--format json`
    #[arg(long, global = true, conflicts_with = "format", help_heading = "Output")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: at a terminal with relative times, cut to its width
    Table,
    /// One JSON document, with the names of the HTTP API
    Json,
    /// A header and one line per row, with times and ids in full
    Csv,
}

/// The output of a command.
pub struct Report {
    pub text: Text,
    pub json: Value,
    /// The columns of CSV: members of each of the `items` in JSON. All members if it is empty.
    pub columns: &'static [&'static str],
}

/// The output for people.
pub enum Text {
    /// A sentence, and one line per property.
    Details { title: Option<String>, rows: Vec<(&'static str, Cell)> },
    /// Lines that begin with a verdict.
    Findings(Vec<(Cell, String)>),
    /// A table, and the cursor of the next page.
    Page(Table, Option<String>),
}

impl Report {
    /// A sentence for people, and the same in JSON.
    pub fn sentence(text: impl Into<String>, json: Value) -> Self {
        Self { text: Text::Details { title: Some(text.into()), rows: Vec::new() }, json, columns: &[] }
    }

    /// A page of a list. Members of the JSON objects have the names of the HTTP API.
    pub fn page(
        table: Table,
        items: Vec<Value>,
        next: Option<String>,
        columns: &'static [&'static str],
    ) -> Self {
        let mut json = json!({});
        json["items"] = Value::Array(items);
        if let Some(next) = &next {
            json["next_cursor"] = json!(next);
        }
        Self { text: Text::Page(table, next), json, columns }
    }

    pub fn of_health(health: &Result<String, String>) -> Self {
        match health {
            Ok(text) => Self::sentence(text, json!({"ready": true})),
            Err(reason) => Self::sentence(reason, json!({"ready": false, "reason": reason})),
        }
    }

    /// Prints to standard output. A closed pipe (`| head`) is not an error.
    pub fn print(&self, options: OutputOptions) {
        let screen = Screen::of_process();
        let text = match options.format() {
            Format::Table => self.text.render(&screen),
            Format::Json if screen.is_terminal() => format!("{:#}", self.json),
            Format::Json => self.json.to_string(),
            Format::Csv => self.csv(),
        };
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn csv(&self) -> String {
        if let Some(next) = self.json.get("next_cursor").and_then(Value::as_str) {
            eprintln!("next page: --cursor {next}");
        }
        match self.json.get("items").and_then(Value::as_array) {
            Some(items) => csv::lines(self.columns, items),
            None => csv::lines(self.columns, std::slice::from_ref(&self.json)),
        }
    }
}

impl OutputOptions {
    pub fn is_text(self) -> bool {
        self.format() == Format::Table
    }

    fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

impl Text {
    fn render(&self, screen: &Screen) -> String {
        match self {
            Self::Details { title, rows } => {
                let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                let line = |(name, cell): &(&str, Cell)| {
                    format!("{}  {}", screen.faint(&format!("{name:<width$}")), cell.in_full(screen))
                };
                title.iter().cloned().chain(rows.iter().map(line)).collect::<Vec<_>>().join("\n")
            }
            Self::Findings(lines) => {
                let line = |(verdict, text): &(Cell, String)| {
                    let padding = " ".repeat(VERDICT_WIDTH.saturating_sub(verdict.plain(screen).len()));
                    format!("{}{padding}{text}", verdict.in_full(screen))
                };
                lines.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Self::Page(table, None) => table.render(screen),
            Self::Page(table, Some(next)) => {
                format!("{}\nnext page: --cursor {next}", table.render(screen))
            }
        }
    }
}
