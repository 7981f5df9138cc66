//! CSV (RFC 4180, with line feeds), for spreadsheets.

use serde_json::{Map, Value};

/// Starts of a formula. A spreadsheet would run one that a user has chosen as a name.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A header and one line per object. Without columns, the members of the first object.
pub fn lines(columns: &[&str], objects: &[Value]) -> String {
    let members = objects.first().and_then(Value::as_object).map(Map::keys).into_iter().flatten();
    let columns: Vec<&str> =
        if columns.is_empty() { members.map(String::as_str).collect() } else { columns.to_vec() };
    let line =
        |object: &Value| columns.iter().map(|column| field(&object[*column])).collect::<Vec<_>>().join(",");
    std::iter::once(columns.join(",")).chain(objects.iter().map(line)).collect::<Vec<_>>().join("\n")
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
    let text = if text.starts_with(FORMULA) { format!("'{text}") } else { text };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
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
}
