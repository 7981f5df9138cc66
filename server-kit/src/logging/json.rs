use std::fmt::Write as _;

use log::Record;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use serde_json::{Map, Value as Json};

use crate::request_id::RequestId;

/// A record as a JSON object without line breaks. Its key-values are members; those without a value are omitted.
pub(super) fn object(record: &Record<'_>, time: String, request: Option<RequestId>) -> String {
    let mut members = Members(Map::new());
    // Collecting values does not fail.
    let _ = record.key_values().visit(&mut members);
    let Members(mut members) = members;
    // These come last, so that no key-value replaces them.
    members.insert("time".to_owned(), time.into());
    members.insert("level".to_owned(), record.level().as_str().into());
    members.insert("target".to_owned(), record.target().into());
    members.insert("message".to_owned(), record.args().to_string().into());
    if let Some(request) = request {
        members.insert("request_id".to_owned(), request.as_str().into());
    }
    escaped(&Json::Object(members).to_string())
}

/// `serde_json` escapes control characters up to U+001F. The others can control a terminal, and some programs split lines at
/// separators. All of them can only be part of strings.
fn escaped(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                // A string accepts everything.
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

struct Members(Map<String, Json>);

impl<'a> VisitSource<'a> for Members {
    fn visit_pair(&mut self, key: Key<'a>, value: Value<'a>) -> Result<(), Error> {
        let mut member = Member(Json::Null);
        value.visit(&mut member)?;
        if !member.0.is_null() {
            self.0.insert(key.to_string(), member.0);
        }
        Ok(())
    }
}

struct Member(Json);

impl VisitValue<'_> for Member {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.0 = value.to_string().into();
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.0 = value.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use log::{Level, Record};
    use serde_json::{Value, json};

    use super::object;
    use crate::request_id::RequestId;

    fn line(message: &str, fields: &[(&str, log::kv::Value<'_>)]) -> String {
        let mut record = Record::builder();
        record.level(Level::Warn).target("access").key_values(&fields);
        object(
            &record.args(format_args!("{message}")).build(),
            "2026-11-28T12:00:00.000Z".to_owned(),
            RequestId::parse("id"),
        )
    }

    #[test]
    fn fields_are_members_with_their_types() {
        let fields = [
            ("status", 200_u16.into()),
            ("duration_ms", 1.5.into()),
            ("offset", (-1).into()),
            ("cached", true.into()),
            ("path", "/auth/me".into()),
            ("user", log::kv::Value::null()),
        ];
        let parsed: Value = serde_json::from_str(&line("GET", &fields)).expect("JSON");
        let expected = json!({
            "time": "2026-11-28T12:00:00.000Z", "level": "WARN", "target": "access", "message": "GET", "request_id": "id",
            "status": 200, "duration_ms": 1.5, "offset": -1, "cached": true, "path": "/auth/me",
        });
        assert_eq!(parsed, expected);
    }

    #[test]
    fn a_field_cannot_replace_what_every_line_has() {
        let fields = ["time", "level", "target", "message", "request_id"].map(|name| (name, "forged".into()));
        assert!(!line("x", &fields).contains("forged"));
    }

    #[test]
    fn a_line_stays_one_line_without_control_characters() {
        let text = "a\n{\"level\":\"ERROR\"}\r\t\0\u{1b}[2J\u{7f}\u{9b}\u{85}\u{2028}\u{2029}é \\ \"";
        let written = line(text, &[("path", text.into()), (text, 1.into())]);
        assert!(
            !written.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}'),
            "{written:?}"
        );
        let parsed: Value = serde_json::from_str(&written).expect("JSON");
        assert_eq!(
            (&parsed["message"], &parsed["path"], &parsed[text]),
            (&json!(text), &json!(text), &json!(1))
        );
    }
}
