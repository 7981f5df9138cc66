//! Mutations of seeds.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Texts with a meaning in one of the parsed formats.
const TOKENS: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u0061",
    "\\ud800",
    "\0",
    ".",
    "=",
    ";",
    "@",
    "-",
    "1",
    "1e9",
    "0.5",
    "null",
    "true",
    "\"alg\":\"none\"",
    "\"crit\":[]",
    "\"exp\"",
    "\"exp\":9999999999",
    "\"iat\":-1",
    "\"aud\":[]",
    "\"kid\":1",
    "\"d\":\"x\"",
    "\"use\":\"enc\"",
    "\"kty\":\"oct\"",
    "\"e\":\"AQ\"",
    "AAAA",
    " ",
    "\t",
    "\n",
    "__Host-refresh_token=",
    "application/",
    "\u{2000}",
    "é",
];

#[derive(Clone, Debug)]
enum Change {
    Insert(&'static str),
    Overwrite(u8),
    Cut(usize),
    Repeat(usize),
}

/// A seed with some of its bytes changed.
pub fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = prop_oneof![
        4 => select(&TOKENS).prop_map(Change::Insert),
        3 => any::<u8>().prop_map(Change::Overwrite),
        2 => (1..20_usize).prop_map(Change::Cut),
        1 => (1..60_usize).prop_map(Change::Repeat),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), change), 0..6);
    (select(seeds), changes).prop_map(|(mut text, changes)| {
        for (index, change) in changes {
            let at = index.index(text.len() + 1);
            let end = |length: usize| (at + length).min(text.len());
            match change {
                Change::Insert(token) => drop(text.splice(at..at, token.bytes())),
                Change::Overwrite(byte) => drop(text.splice(at..end(1), [byte])),
                Change::Cut(length) => drop(text.drain(at..end(length))),
                Change::Repeat(length) => {
                    let again = text[at..end(length)].to_vec();
                    drop(text.splice(at..at, again));
                }
            }
        }
        text
    })
}

/// A change to a member of an object.
#[derive(Clone, Debug)]
enum MemberChange {
    Remove,
    Replace(Value),
    /// Adds to a number. The steps include the limits of the leeways, and one beyond.
    Add(i64),
    /// Appends to a string.
    Append(&'static str),
    /// Inserts another member.
    Insert(&'static str, Value),
}

/// Members with a meaning that most tokens and keys do not have.
const RARE: [&str; 9] = ["crit", "jku", "jwk", "nbf", "csrf", "use", "key_ops", "d", "cty"];

/// A seed that contains a JSON object, with some of its members changed.
pub fn with_changed_members(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_990_u64),
        json!(9_007_199_254_740_991_u64),
        json!(9_007_199_254_740_992_u64),
        json!(253_402_300_799_u64),
        json!(253_402_300_800_u64),
        json!(""),
        json!("x"),
        json!([]),
        json!(["api"]),
        json!(["x", "https://auth.example"]),
        json!(["x", 1]),
        json!({}),
    ];
    let steps = vec![-3600, -6, -5, -4, -1, 1, 4, 5, 6, 59, 60, 61, 3600];
    let change = prop_oneof![
        1 => Just(MemberChange::Remove),
        1 => select(vec!["/", ".evil.example", "\0", " ", "A"]).prop_map(MemberChange::Append),
        1 => (select(&RARE), select(values.clone())).prop_map(|(name, value)| MemberChange::Insert(name, value)),
        3 => select(values).prop_map(MemberChange::Replace),
        3 => select(steps).prop_map(MemberChange::Add),
    ];
    let changes = prop::collection::vec((any::<Index>(), change), 1..3);
    (select(seeds), changes).prop_map(|(seed, changes)| {
        // The object may follow a byte that selects the mode.
        let Some(start) = seed.iter().position(|byte| *byte == b'{') else { return seed };
        let Ok(Value::Object(mut members)) = serde_json::from_slice(&seed[start..]) else { return seed };
        for (member, change) in changes {
            let names: Vec<String> = members.keys().cloned().collect();
            let Some(name) = names.get(member.index(names.len().max(1))) else { continue };
            match change {
                MemberChange::Remove => drop(members.remove(name)),
                MemberChange::Replace(value) => drop(members.insert(name.clone(), value)),
                MemberChange::Insert(other, value) => drop(members.insert(other.to_owned(), value)),
                MemberChange::Append(more) => {
                    let longer = members[name].as_str().map(|text| json!(format!("{text}{more}")));
                    drop(longer.and_then(|longer| members.insert(name.clone(), longer)));
                }
                MemberChange::Add(step) => {
                    let moved = members[name].as_i64().map(|number| json!(number + step));
                    drop(moved.and_then(|moved| members.insert(name.clone(), moved)));
                }
            }
        }
        [&seed[..start], Value::Object(members).to_string().as_bytes()].concat()
    })
}
