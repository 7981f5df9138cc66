//! Tables that fit the terminal.

use console::{measure_text_width, truncate_str};

use crate::cli::screen::{Cell, Screen};

const GAP: usize = 2;

pub struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
    /// The sentence in place of an empty table, at a terminal.
    empty: &'static str,
}

/// A title, and what may be cut where the terminal is too narrow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Column(pub &'static str, pub Cut);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Cut first. Commands accept the first 8 characters.
    Id,
    Text,
    /// What a row is known by: keeps twice the width of a text.
    Name,
    Never,
}

/// The order in which columns are cut.
const CUTS: [&[Cut]; 2] = [&[Cut::Id], &[Cut::Text, Cut::Name]];

impl Table {
    pub fn new(columns: &'static [Column], rows: Vec<Vec<Cell>>, empty: &'static str) -> Self {
        Self { columns, rows, empty }
    }

    /// Aligned columns, at most as wide as the terminal. If it is too narrow for that, one line per value.
    pub fn render(&self, screen: &Screen) -> String {
        if self.rows.is_empty() && screen.is_terminal() {
            return self.empty.to_owned();
        }
        let texts: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| cell.plain(screen)).collect()).collect();
        match self.widths(&texts, screen.width.unwrap_or(usize::MAX)) {
            Some(widths) => self.aligned(&texts, &widths, screen),
            None => self.stacked(screen),
        }
    }

    /// The width of each column; `None` if the columns do not fit, even when cut.
    fn widths(&self, texts: &[Vec<String>], limit: usize) -> Option<Vec<usize>> {
        let natural = |(index, column): (usize, &Column)| {
            let cells = texts.iter().map(|row| measure_text_width(&row[index]));
            cells.chain([column.0.len()]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(natural).collect();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
        for cuts in CUTS {
            while total(&widths) > limit {
                let can_shrink = |&index: &usize| {
                    cuts.contains(&self.columns[index].1) && widths[index] > self.columns[index].min()
                };
                let share = |&index: &usize| match self.columns[index].1 {
                    Cut::Name => widths[index] / 2,
                    Cut::Id | Cut::Text | Cut::Never => widths[index],
                };
                let Some(widest) = (0..widths.len()).filter(can_shrink).max_by_key(share) else { break };
                widths[widest] -= 1;
            }
        }
        (total(&widths) <= limit).then_some(widths)
    }

    fn aligned(&self, texts: &[Vec<String>], widths: &[usize], screen: &Screen) -> String {
        let last = widths.len() - 1;
        let line = |cells: Vec<(String, String)>| {
            let padded = cells.into_iter().enumerate().map(|(index, (text, colored))| {
                // Without blanks at the end of a line.
                let padding = if index == last { 0 } else { widths[index] + GAP - measure_text_width(&text) };
                colored + &" ".repeat(padding)
            });
            padded.collect::<String>()
        };
        let titles = self.columns.iter().map(|column| (column.0.to_owned(), screen.heading(column.0)));
        let rows = self.rows.iter().zip(texts).map(|(row, texts)| {
            let cells = row.iter().zip(texts).zip(widths).map(|((cell, text), &width)| {
                let text = truncate_str(text, width, "…").into_owned();
                let colored = cell.colored(&text, screen);
                (text, colored)
            });
            line(cells.collect())
        });
        std::iter::once(line(titles.collect())).chain(rows).collect::<Vec<_>>().join("\n")
    }

    fn stacked(&self, screen: &Screen) -> String {
        let width = self.columns.iter().map(|column| column.0.len()).max().unwrap_or(0);
        let line = |(column, cell): (&Column, &Cell)| {
            let title = screen.heading(&format!("{:<width$}", column.0));
            format!("{title}  {}", cell.colored(&cell.plain(screen), screen))
        };
        let record = |row: &Vec<Cell>| self.columns.iter().zip(row).map(line).collect::<Vec<_>>().join("\n");
        self.rows.iter().map(record).collect::<Vec<_>>().join("\n\n")
    }
}

impl Column {
    fn min(self) -> usize {
        let cells = match self.1 {
            Cut::Id => 9,
            Cut::Text => 6,
            Cut::Name => 16,
            Cut::Never => 0,
        };
        cells.max(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use console::measure_text_width;

    use super::{Column, Cut, Table};
    use crate::cli::screen::{Cell, Screen};

    const COLUMNS: [Column; 4] = [
        Column("E-MAIL", Cut::Name),
        Column("NAME", Cut::Text),
        Column("LAST LOGIN", Cut::Never),
        Column("ID", Cut::Id),
    ];
    const ID: &str = "3f2a9c1e-58d4-4f4b-9a36-0c1d2e3f4a5b";

    fn rendered(width: Option<usize>, email: &str, name: &str) -> Vec<String> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let row = vec![Cell::text(email), Cell::text(name), Cell::time(now), Cell::text(ID)];
        let screen = Screen { width, has_colors: false, now };
        Table::new(&COLUMNS, vec![row], "no users").render(&screen).lines().map(str::to_owned).collect()
    }

    #[test]
    fn ids_are_cut_before_texts_and_names_keep_twice_the_width_of_texts() {
        let at = |width| {
            rendered(Some(width), "ann.of.the.long.name@example.org", "Ann of the Long Name")[1].clone()
        };
        assert!(at(120).ends_with(ID));
        assert!(at(90).ends_with("  3f2a9c1e-58d4-4f4b-9a…"), "{}", at(90));
        assert!(at(74).starts_with("ann.of.the.long.name@example.org  Ann of the Long …  "), "{}", at(74));
        assert!(at(74).ends_with("  3f2a9c1e…"), "{}", at(74));
        assert!(at(60).starts_with("ann.of.the.long.name@ex…  Ann of the…  "), "{}", at(60));
        for width in 49..130 {
            assert!(measure_text_width(&at(width)) <= width, "{width}: {}", at(width));
        }
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let lines = rendered(Some(70), "日本語の長いアドレス@example.org", "山田太郎さんの長い名前");
        assert!(lines.iter().all(|line| measure_text_width(line) <= 70), "{lines:?}");
        let column = |line: &str, part: &str| measure_text_width(line.split(part).next().expect("a part"));
        assert_eq!(column(&lines[0], "LAST LOGIN"), column(&lines[1], "now"), "{lines:?}");
    }

    #[test]
    fn a_terminal_that_is_too_narrow_gets_one_line_per_value() {
        let lines = rendered(Some(40), "ann@example.org", "Ann");
        assert_eq!(lines[0], "E-MAIL      ann@example.org");
        assert_eq!(lines[3], format!("ID          {ID}"));
    }

    #[test]
    fn a_file_gets_full_ids_and_absolute_times() {
        let lines = rendered(None, &format!("{}@example.org", "a".repeat(200)), "Ann");
        assert!(lines[1].ends_with(ID) && lines[1].contains("  2027-01-15T08:00:00Z  "), "{lines:?}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let lines = rendered(Some(80), "ann@example.org", "\u{1b}[2J\u{9b}2J");
        assert!(lines[1].contains("\u{fffd}[2J\u{fffd}2J"), "{lines:?}");
    }
}
