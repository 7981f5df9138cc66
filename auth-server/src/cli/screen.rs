//! Standard output as a terminal, or as a file or pipe, which gets everything in full.

use chrono::{DateTime, TimeDelta, Utc};
use console::{Style, Term};
use shared_claims::{Clock, SystemClock};

/// The width of a terminal that does not tell it.
const DEFAULT_WIDTH: usize = 80;

pub struct Screen {
    /// In columns; `None` for a file or a pipe.
    pub width: Option<usize>,
    /// Off with `NO_COLOR`, on with `CLICOLOR_FORCE=1`, otherwise on at a terminal.
    pub has_colors: bool,
    pub now: DateTime<Utc>,
}

/// A value in a table or a list of properties.
pub struct Cell {
    content: Content,
    tone: Tone,
}

enum Content {
    Text(String),
    Time(DateTime<Utc>),
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    Faint,
}

impl Screen {
    pub fn of_process() -> Self {
        let terminal = Term::stdout();
        let size = || terminal.size_checked().map_or(DEFAULT_WIDTH, |(_, columns)| columns.into());
        Self {
            width: terminal.is_term().then(size),
            has_colors: console::colors_enabled(),
            now: SystemClock.now(),
        }
    }

    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    pub fn heading(&self, text: &str) -> String {
        self.apply(Style::new().bold(), text)
    }

    pub fn faint(&self, text: &str) -> String {
        self.apply(Style::new().dim(), text)
    }

    fn apply(&self, style: Style, text: &str) -> String {
        style.force_styling(self.has_colors).apply_to(text).to_string()
    }
}

impl Cell {
    /// Control characters are replaced, because a terminal would obey them.
    pub fn text(text: impl Into<String>) -> Self {
        let visible = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        Self { content: Content::Text(text.into().chars().map(visible).collect()), tone: Tone::Plain }
    }

    pub fn optional(text: Option<impl Into<String>>) -> Self {
        text.map_or_else(Self::none, Self::text)
    }

    pub fn time(time: DateTime<Utc>) -> Self {
        Self { content: Content::Time(time), tone: Tone::Plain }
    }

    pub fn optional_time(time: Option<DateTime<Utc>>) -> Self {
        time.map_or_else(Self::none, Self::time)
    }

    /// A missing value.
    pub fn none() -> Self {
        Self::text("-").faint()
    }

    pub fn good(self) -> Self {
        Self { tone: Tone::Good, ..self }
    }

    pub fn warning(self) -> Self {
        Self { tone: Tone::Warning, ..self }
    }

    pub fn bad(self) -> Self {
        Self { tone: Tone::Bad, ..self }
    }

    pub fn faint(self) -> Self {
        Self { tone: Tone::Faint, ..self }
    }

    /// The value as a table shows it, without colour. At a terminal, times are relative.
    pub fn plain(&self, screen: &Screen) -> String {
        match &self.content {
            Content::Text(text) => text.clone(),
            Content::Time(time) if screen.is_terminal() => relative(*time, screen.now),
            Content::Time(time) => absolute(*time),
        }
    }

    /// The value with its colour. Times are absolute and, at a terminal, relative as well.
    pub fn in_full(&self, screen: &Screen) -> String {
        let text = match &self.content {
            Content::Time(time) if screen.is_terminal() => {
                format!("{} ({})", absolute(*time), relative(*time, screen.now))
            }
            Content::Time(_) | Content::Text(_) => self.plain(screen),
        };
        self.colored(&text, screen)
    }

    /// A text, such as the cut value, in the colour of the cell.
    pub fn colored(&self, text: &str, screen: &Screen) -> String {
        let style = match self.tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => Style::new().green(),
            Tone::Warning => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Faint => Style::new().dim(),
        };
        screen.apply(style, text)
    }
}

pub fn absolute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `5m ago`, `in 29d`. Units are those of kubectl and systemd, to keep columns narrow.
fn relative(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let distance = (time - now).abs();
    let (count, unit) = match distance {
        distance if distance < TimeDelta::minutes(1) => return "now".to_owned(),
        distance if distance < TimeDelta::hours(1) => (distance.num_minutes(), "m"),
        distance if distance < TimeDelta::days(1) => (distance.num_hours(), "h"),
        distance if distance < TimeDelta::days(60) => (distance.num_days(), "d"),
        distance if distance < TimeDelta::days(730) => (distance.num_days() / 30, "mo"),
        distance => (distance.num_days() / 365, "y"),
    };
    if time < now { format!("{count}{unit} ago") } else { format!("in {count}{unit}") }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::relative;

    #[test]
    fn times_are_relative_in_the_largest_unit_that_fits() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        for (seconds, text) in [
            (0, "now"),
            (59, "now"),
            (60, "1m ago"),
            (3599, "59m ago"),
            (3600, "1h ago"),
            (86_399, "23h ago"),
            (86_400, "1d ago"),
            (59 * 86_400, "59d ago"),
            (60 * 86_400, "2mo ago"),
            (729 * 86_400, "24mo ago"),
            (730 * 86_400, "2y ago"),
            (-59, "now"),
            (-900, "in 15m"),
            (-30 * 86_400, "in 30d"),
        ] {
            assert_eq!(relative(now - TimeDelta::seconds(seconds), now), text, "{seconds}");
        }
    }
}
