//! CSV (RFC 4180, with line feeds), for spreadsheets.

use serde_json::{Map, Value};

/// Starts of a formula. A spreadsheet would run one that a user has chosen as a name.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];
/// Between cells or lines. The language and the settings of the spreadsheet decide which of them it uses.
const SEPARATORS: [char; 5] = [';', ',', '\t', '\n', '\r'];

/// A header and one line per object. Without columns, the members of the first object.
pub fn lines(columns: &[&str], objects: &[Value]) -> String {
    let members = objects.first().and_then(Value::as_object).map(Map::keys).into_iter().flatten();
    let columns: Vec<&str> =
        if columns.is_empty() { members.map(String::as_str).collect() } else { columns.to_vec() };
    let lines = objects.iter().map(|object| line(&columns, object));
    std::iter::once(columns.join(",")).chain(lines).collect::<Vec<_>>().join("\n")
}

/// The members of an object, without the end of the line.
pub fn line(columns: &[&str], object: &Value) -> String {
    columns.iter().map(|column| field(&object[*column])).collect::<Vec<_>>().join(",")
}

fn field(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    let text = disarm(&text);
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Inserts an apostrophe before each formula at the start of what a spreadsheet may read as a cell.
fn disarm(text: &str) -> String {
    let mut disarmed = String::with_capacity(text.len());
    let mut is_start = true;
    for character in text.chars() {
        if is_start && FORMULA.contains(&character) {
            disarmed.push('\'');
        }
        // A quotation mark is one too, if the separator is not the one that this file uses.
        is_start =
            SEPARATORS.contains(&character) || is_start && (character.is_whitespace() || character == '"');
        disarmed.push(character);
    }
    disarmed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn special_characters_are_quoted_and_formulas_are_disarmed() {
        let objects = [
            json!({"name": "Ann, \"the\" first", "roles": ["a", "b"], "claims": {"a": 1}, "login": null}),
            json!({"name": "=HYPERLINK(1)", "roles": [], "claims": {}, "login": true}),
        ];
        assert_eq!(
            lines(&["name", "roles", "claims", "login"], &objects),
            "name,roles,claims,login\n\"Ann, \"\"the\"\" first\",a b,\"{\"\"a\"\":1}\",\n'=HYPERLINK(1),,{},true"
        );
        assert_eq!(lines(&["name"], &[]), "name");
        assert_eq!(lines(&[], &[json!({"ended": 1})]), "ended\n1");
    }

    #[test]
    fn a_formula_is_disarmed_whatever_separates_the_cells() {
        for (text, disarmed) in [
            ("x;=cmd|'/C calc'!A0", "x;'=cmd|'/C calc'!A0"),
            ("x; \t@a", "x; \t'@a"),
            (" =1", " '=1"),
            ("\n\r=1", "\"\n\r'=1\""),
            ("a,+1", "\"a,'+1\""),
            ("a;\"=1\"", "\"a;\"\"'=1\"\"\""),
            ("a\n-1", "\"a\n'-1\""),
            ("a-b=c d@e", "a-b=c d@e"),
        ] {
            assert_eq!(super::line(&["name"], &json!({"name": text})), disarmed);
        }
    }
}
