//! As much of the language of queries as the dashboard and the alerts use.

use std::collections::BTreeMap;

pub type Labels = BTreeMap<String, String>;

const KEYWORDS: [&str; 7] = ["or", "and", "unless", "bool", "by", "on", "offset"];

/// The metrics of a query, each with its matchers, and the labels that it groups by.
#[derive(Default)]
pub struct Query {
    pub expression: String,
    /// With labels and patterns: of `=~` and `=`, but also of `!~` and `!=`
    pub selectors: Vec<(String, Vec<(String, String)>)>,
    pub grouped_by: Vec<String>,
}

impl Query {
    pub fn parse(expression: &str) -> Self {
        let mut query = Self { expression: expression.to_owned(), ..Self::default() };
        let mut rest = expression;
        while let Some(start) = rest.find(|c: char| c.is_alphanumeric() || "_[".contains(c)) {
            rest = &rest[start..];
            if rest.starts_with('[') {
                // A duration
                rest = rest.split_once(']').expect("an end").1;
                continue;
            }
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            if word == "by" {
                let (labels, after) = rest.trim_start_matches([' ', '(']).split_once(')').expect("an end");
                query.grouped_by.extend(labels.split(',').map(|label| label.trim().to_owned()));
                rest = after;
            } else if rest.starts_with('{') {
                let (labels, after) = labels(rest);
                query.selectors.push((word.to_owned(), labels));
                rest = after;
            } else if !is_function(rest) && !KEYWORDS.contains(&word) && !word.starts_with(char::is_numeric) {
                query.selectors.push((word.to_owned(), Vec::new()));
            }
        }
        query
    }
}

/// Whether the word before was the name of a function or an aggregation.
fn is_function(rest: &str) -> bool {
    rest.starts_with('(') || rest.starts_with(" by ")
}

/// The samples of a page in Prometheus' text format, by metric.
pub fn samples(page: &str) -> BTreeMap<String, Vec<Labels>> {
    let mut samples: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).expect("a value");
        let labels = if line[end..].starts_with('{') { labels(&line[end..]).0 } else { Vec::new() };
        samples.entry(line[..end].to_owned()).or_default().push(labels.into_iter().collect());
    }
    samples
}

/// `{name="value", …}`, and what follows. The operator may be any.
fn labels(text: &str) -> (Vec<(String, String)>, &str) {
    let (mut labels, mut rest) = (Vec::new(), &text[1..]);
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        let (name, after) = rest.split_once('"').expect("a value");
        let (value, after) = after.split_once('"').expect("an end");
        labels.push((name.trim_end_matches(['=', '~', '!']).to_owned(), value.to_owned()));
        rest = after;
    }
}

/// Whether the value matches a regular expression of literal characters, `.`, and `.+` at the end.
pub fn matches(pattern: &str, value: &str) -> bool {
    assert!(!pattern.contains(['(', '[', '*', '?']), "not supported: {pattern}");
    if let Some(prefix) = pattern.strip_suffix(".+") {
        return value.starts_with(prefix) && value.len() > prefix.len();
    }
    pattern.len() == value.len() && pattern.chars().zip(value.chars()).all(|(p, c)| p == '.' || p == c)
}
