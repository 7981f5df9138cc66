//! Inputs made from others.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Texts that mean something to one parser or another.
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

/// One of these with some bytes of it changed.
pub fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = prop_oneof![
        4 => select(&TOKENS).prop_map(Change::Insert),
        3 => any::<u8>().prop_map(Change::Overwrite),
        2 => (1..20_usize).prop_map(Change::Cut),
        1 => (1..60_usize).prop_map(Change::Repeat),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), change), 0..6);
    (select(seeds), changes).prop_map(|(mut text, changes)| {
        for (place, change) in changes {
            let at = place.index(text.len() + 1);
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

/// What becomes of a member of an object.
#[derive(Clone, Debug)]
enum Fate {
    Gone,
    Other(Value),
    /// A number, to be increased or decreased. Just so far as a leeway goes, and one further.
    Moved(i64),
    /// A text, with more behind it.
    Longer(&'static str),
    /// It stays, and another comes beside it.
    Beside(&'static str, Value),
}

/// Members that mean something, although most tokens and keys have none of them.
const RARE: [&str; 9] = ["crit", "jku", "jwk", "nbf", "csrf", "use", "key_ops", "d", "cty"];

/// One of these that hold a JSON object, with some of its members changed.
pub fn with_other_members(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
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
    let fate = prop_oneof![
        1 => Just(Fate::Gone),
        1 => select(vec!["/", ".evil.example", "\0", " ", "A"]).prop_map(Fate::Longer),
        1 => (select(&RARE), select(values.clone())).prop_map(|(name, value)| Fate::Beside(name, value)),
        3 => select(values).prop_map(Fate::Other),
        3 => select(steps).prop_map(Fate::Moved),
    ];
    let changes = prop::collection::vec((any::<Index>(), fate), 1..3);
    (select(seeds), changes).prop_map(|(seed, changes)| {
        // Where the first byte says what the rest is for, the object comes after it.
        let Some(start) = seed.iter().position(|byte| *byte == b'{') else { return seed };
        let Ok(Value::Object(mut members)) = serde_json::from_slice(&seed[start..]) else { return seed };
        for (member, fate) in changes {
            let names: Vec<String> = members.keys().cloned().collect();
            let Some(name) = names.get(member.index(names.len().max(1))) else { continue };
            match fate {
                Fate::Gone => drop(members.remove(name)),
                Fate::Other(value) => drop(members.insert(name.clone(), value)),
                Fate::Beside(other, value) => drop(members.insert(other.to_owned(), value)),
                Fate::Longer(more) => {
                    let longer = members[name].as_str().map(|text| json!(format!("{text}{more}")));
                    drop(longer.and_then(|longer| members.insert(name.clone(), longer)));
                }
                Fate::Moved(step) => {
                    let moved = members[name].as_i64().map(|number| json!(number + step));
                    drop(moved.and_then(|moved| members.insert(name.clone(), moved)));
                }
            }
        }
        [&seed[..start], Value::Object(members).to_string().as_bytes()].concat()
    })
}
