//! The table of ratios, as text, Markdown and JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::machine;

/// One side of a ratio: a value per round.
#[derive(Clone, Debug)]
pub struct Side {
    pub what: &'static str,
    pub unit: &'static str,
    pub values: Vec<f64>,
}

/// What a ratio must be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtLeast {
        goal: f64,
        limit: f64,
    },
    AtMost {
        goal: f64,
        limit: f64,
    },
    /// Reported only.
    None,
}

/// A ratio, with what was measured and what it is compared with.
#[derive(Clone, Debug)]
pub struct Row {
    pub what: &'static str,
    pub bound: Bound,
    pub measured: Side,
    pub against: Side,
}

/// A stack beside others.
#[derive(Clone, Debug)]
pub struct Stack {
    pub name: &'static str,
    pub refreshes: Side,
    pub protected: Side,
}

/// Everything that a run has measured.
#[derive(Debug, Default)]
pub struct Report {
    pub(super) rows: Vec<Row>,
    /// Other values, which are not compared.
    pub(super) others: Vec<Side>,
    /// Latchkey and the apps of bench/peers.
    pub(super) stacks: Vec<Stack>,
    /// Failed requests, one line per measurement.
    pub(super) errors: Vec<String>,
}

impl Side {
    pub fn new(what: &'static str, unit: &'static str, values: Vec<f64>) -> Self {
        Self { what, unit, values }
    }

    /// The median: the middle value, or the mean of both.
    pub fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
    }

    fn text(&self) -> String {
        format!("{} {}", number(self.median()), self.unit).trim_end().to_owned()
    }

    fn to_json(&self) -> Value {
        json!({"what": self.what, "unit": self.unit, "median": self.median(), "values": self.values})
    }
}

impl Bound {
    fn goal(self) -> Option<f64> {
        match self {
            Self::AtLeast { goal, .. } | Self::AtMost { goal, .. } => Some(goal),
            Self::None => None,
        }
    }

    fn limit(self) -> Option<f64> {
        match self {
            Self::AtLeast { limit, .. } | Self::AtMost { limit, .. } => Some(limit),
            Self::None => None,
        }
    }

    fn limit_text(self) -> String {
        match self {
            Self::AtLeast { limit, .. } => format!("≥ {}", number(limit)),
            Self::AtMost { limit, .. } => format!("≤ {}", number(limit)),
            Self::None => "–".to_owned(),
        }
    }

    /// Ratios count as they are printed: with two decimals.
    fn verdict(self, ratio: f64) -> &'static str {
        let ratio = (ratio * 100.0).round() / 100.0;
        match self {
            Self::AtLeast { limit, .. } if ratio < limit => "MISSED",
            Self::AtMost { limit, .. } if ratio > limit => "MISSED",
            Self::AtLeast { goal, .. } if ratio < goal => "below the goal",
            Self::AtMost { goal, .. } if ratio > goal => "above the goal",
            Self::AtLeast { .. } | Self::AtMost { .. } => "goal reached",
            Self::None => "reported",
        }
    }
}

impl Row {
    pub fn ratio(&self) -> f64 {
        self.measured.median() / self.against.median()
    }

    fn verdict(&self) -> &'static str {
        self.bound.verdict(self.ratio())
    }

    /// One line, for the progress of a run.
    pub fn line(&self) -> String {
        let (measured, against) = (self.measured.text(), self.against.text());
        format!("{}: {:.2} ({measured} / {against}), {}", self.what, self.ratio(), self.verdict())
    }
}

impl Report {
    /// Whether every ratio is within its limit and every request succeeded.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.errors.is_empty() && self.rows.iter().all(|row| row.verdict() != "MISSED")
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", machine::describe());
        let _ = writeln!(text, "{:<66}{:>7}{:>7}{:>9}  result", "", "ratio", "goal", "limit");
        for row in &self.rows {
            let (goal, limit) = (optional(row.bound.goal()), row.bound.limit_text());
            let (ratio, verdict) = (row.ratio(), row.verdict());
            let _ = writeln!(text, "{:<66}{ratio:>7.2}{goal:>7}{limit:>9}  {verdict}", row.what);
            for side in [&row.measured, &row.against] {
                let _ = writeln!(text, "    {:<50}{:>16}  {}", side.what, side.text(), spread(side));
            }
        }
        for side in &self.others {
            let _ = writeln!(text, "{:<54}{:>16}  {}", side.what, side.text(), spread(side));
        }
        for Stack { name, refreshes, protected } in &self.stacks {
            let _ = writeln!(
                text,
                "{name:<40}{:>12} refreshes{:>12} protected calls",
                refreshes.text(),
                protected.text()
            );
        }
        for error in &self.errors {
            let _ = writeln!(text, "ERROR: {error}");
        }
        text
    }

    /// The block of docs/performance.md.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", machine::describe());
        text.push_str(
            "| what | ratio | goal | limit | measured | compared with |\n|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let (goal, limit) = (optional(row.bound.goal()), row.bound.limit_text());
            let cell = |side: &Side| format!("{}: {}", side.what, side.text());
            let (measured, against) = (cell(&row.measured), cell(&row.against));
            let ratio = row.ratio();
            let _ = writeln!(
                text,
                "| {} | **{ratio:.2}** | {goal} | {limit} | {measured} | {against} |",
                row.what
            );
        }
        if !self.others.is_empty() {
            text.push_str("\n| also measured | median | rounds |\n|---|---|---|\n");
        }
        for side in &self.others {
            let _ = writeln!(text, "| {} | {} | {} |", side.what, side.text(), spread(side));
        }
        if !self.stacks.is_empty() {
            text.push_str("\n| stack, 32 connections | refreshes | protected calls |\n|---|---|---|\n");
        }
        for row in self.stack_rows() {
            let _ = writeln!(text, "{row}");
        }
        text
    }

    /// The rows of the table that compares stacks, which is also in the README.
    #[must_use]
    pub fn stack_rows(&self) -> Vec<String> {
        let rows = self.stacks.iter().map(|Stack { name, refreshes, protected }| {
            format!("| {name} | {} | {} |", refreshes.text(), protected.text())
        });
        rows.collect()
    }

    /// For programs, with the values of all rounds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "what": row.what,
                "ratio": row.ratio(),
                "goal": row.bound.goal(),
                "limit": row.bound.limit(),
                "result": row.verdict(),
                "measured": row.measured.to_json(),
                "against": row.against.to_json(),
            })
        });
        let stacks = self.stacks.iter().map(|stack| {
            let [refreshes, protected] = [&stack.refreshes, &stack.protected].map(Side::to_json);
            json!({"name": stack.name, "refreshes": refreshes, "protected": protected})
        });
        json!({
            "machine": machine::describe(),
            "passed": self.passed(),
            "rows": rows.collect::<Vec<_>>(),
            "others": self.others.iter().map(Side::to_json).collect::<Vec<_>>(),
            "stacks": stacks.collect::<Vec<_>>(),
            "errors": self.errors,
        })
    }
}

/// The lowest and the highest value.
fn spread(side: &Side) -> String {
    let low = side.values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = side.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if side.values.len() < 2 { String::new() } else { format!("{} to {}", number(low), number(high)) }
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// Three significant digits, or a whole number with separators.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::{Bound, Report, Row, Side, number};

    fn row(bound: Bound, measured: &[f64]) -> Row {
        let side = |values: &[f64]| Side::new("requests", "/s", values.to_vec());
        Row { what: "a ratio", bound, measured: side(measured), against: side(&[100.0]) }
    }

    #[test]
    fn a_row_beyond_its_limit_fails_the_report() {
        let at_least = Bound::AtLeast { goal: 0.95, limit: 0.9 };
        let at_most = Bound::AtMost { goal: 2.0, limit: 3.0 };
        for (bound, value, passed, verdict) in [
            (at_least, 95.0, true, "goal reached"),
            (at_least, 90.0, true, "below the goal"),
            (at_least, 89.0, false, "MISSED"),
            (at_most, 200.0, true, "goal reached"),
            (at_most, 300.0, true, "above the goal"),
            (at_most, 301.0, false, "MISSED"),
            (Bound::None, 1.0, true, "reported"),
        ] {
            let report = Report { rows: vec![row(bound, &[value])], ..Report::default() };
            assert_eq!((report.passed(), report.rows[0].verdict()), (passed, verdict), "{bound:?} {value}");
        }
        assert!(!Report { errors: vec!["503".into()], ..Report::default() }.passed());
    }

    #[test]
    fn ratios_are_those_of_the_medians() {
        assert!((row(Bound::None, &[10.0, 50.0, 1000.0]).ratio() - 0.5).abs() < 1e-9);
        assert!((row(Bound::None, &[40.0, 60.0]).ratio() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn numbers_have_three_digits_or_separators() {
        assert_eq!([0.951, 21.26, 999.6, 1_234_567.0].map(number), ["0.95", "21.3", "1,000", "1,234,567"]);
    }
}
