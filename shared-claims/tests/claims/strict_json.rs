//! Strict JSON parsing.

use serde::Deserialize;
use serde_json::{Value, json};
use shared_claims::strict_json::{StrictJsonError, from_slice};

#[test]
fn a_duplicate_member_is_rejected_at_any_depth() {
    for (text, member) in [
        (r#"{"a":1,"a":1}"#, "a"),
        (r#"{"a":1,"\u0061":2}"#, "a"),
        (r#"{"x":[{"y":{"b":1,"b":2}}]}"#, "b"),
        (r#"[{"":0,"":0}]"#, ""),
    ] {
        let error = from_slice::<Value>(text.as_bytes());
        assert_eq!(error, Err(StrictJsonError::DuplicateMember(member.to_owned())), "{text}");
    }
}

#[test]
fn the_same_name_in_different_objects_is_accepted() {
    let text = br#"{"a":{"a":1},"b":[{"a":2},{"a":3}]}"#;
    assert_eq!(from_slice::<Value>(text), Ok(json!({"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]})));
}

#[test]
fn every_kind_of_value_is_preserved() {
    let value = json!([null, true, -1, u64::MAX, 1.5, "é\n", [], {}]);
    assert_eq!(from_slice::<Value>(value.to_string().as_bytes()), Ok(value));
}

#[test]
fn malformed_json_and_a_wrong_type_are_different_errors() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Named {
        name: String,
    }
    for text in ["", "{", "{}}", "nul", "{'name':1}", "\"\\ud800\"", &"[".repeat(100_000)] {
        assert_eq!(from_slice::<Named>(text.as_bytes()), Err(StrictJsonError::Syntax));
    }
    assert!(matches!(from_slice::<Named>(br#"{"name":1}"#), Err(StrictJsonError::Data(_))));
    assert!(matches!(from_slice::<Named>(b"[]"), Err(StrictJsonError::Data(_))));
    assert_eq!(from_slice(br#"{"name":"Ada"}"#), Ok(Named { name: "Ada".to_owned() }));
}
