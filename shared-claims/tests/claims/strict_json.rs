//! JSON read strictly.

use serde::Deserialize;
use serde_json::{Value, json};
use shared_claims::strict_json::{StrictJsonError, from_slice};

#[test]
fn a_member_given_twice_is_refused_at_any_depth() {
    for (text, member) in [
        (r#"{"a":1,"a":1}"#, "a"),
        (r#"{"a":1,"\u0061":2}"#, "a"),
        (r#"{"x":[{"y":{"b":1,"b":2}}]}"#, "b"),
        (r#"[{"":0,"":0}]"#, ""),
    ] {
        let refusal = from_slice::<Value>(text.as_bytes());
        assert_eq!(refusal, Err(StrictJsonError::DuplicateMember(member.to_owned())), "{text}");
    }
}

#[test]
fn the_same_name_in_different_objects_is_fine() {
    let text = br#"{"a":{"a":1},"b":[{"a":2},{"a":3}]}"#;
    assert_eq!(from_slice::<Value>(text), Ok(json!({"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]})));
}

#[test]
fn every_kind_of_value_survives() {
    let value = json!([null, true, -1, u64::MAX, 1.5, "é\n", [], {}]);
    assert_eq!(from_slice::<Value>(value.to_string().as_bytes()), Ok(value));
}

#[test]
fn broken_json_is_told_from_json_of_another_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wanted {
        name: String,
    }
    for text in ["", "{", "{}}", "nul", "{'name':1}", "\"\\ud800\"", &"[".repeat(100_000)] {
        assert_eq!(from_slice::<Wanted>(text.as_bytes()), Err(StrictJsonError::Syntax));
    }
    assert!(matches!(from_slice::<Wanted>(br#"{"name":1}"#), Err(StrictJsonError::Data(_))));
    assert!(matches!(from_slice::<Wanted>(b"[]"), Err(StrictJsonError::Data(_))));
    assert_eq!(from_slice(br#"{"name":"Ada"}"#), Ok(Wanted { name: "Ada".to_owned() }));
}
