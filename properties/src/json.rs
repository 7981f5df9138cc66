//! Strict JSON is JSON without duplicate members.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use shared_claims::strict_json;

/// The input is accepted if and only if it is JSON without duplicate members, with the value that `serde_json` reads.
pub fn check(data: &[u8]) {
    assert_eq!(strict_json::from_slice::<Value>(data).ok(), value(data), "{}", data.escape_ascii());
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [
        br#"{"a":1,"b":{"a":[1,2.5e3,-0,null,true]}}"#,
        br#"{"a":1,"\u0061":2}"#,
        br#"[[[{"x":"\ud83d\ude00"}]]]"#,
        br#"{"$serde_json::private::RawValue":"{}"}"#,
        b" 18446744073709551615 ",
        b"[1]]",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}

/// The JSON object in the input, unless it has duplicate members at any depth.
pub(crate) fn object(data: &[u8]) -> Option<Map<String, Value>> {
    match value(data)? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn value(data: &[u8]) -> Option<Value> {
    let tree: Tree = serde_json::from_slice(data).ok()?;
    if tree.is_ambiguous() { None } else { serde_json::from_slice(data).ok() }
}

/// The structure of a JSON document with all its members, duplicates included.
enum Tree {
    Leaf,
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn is_ambiguous(&self) -> bool {
        match self {
            Self::Leaf => false,
            Self::Array(elements) => elements.iter().any(Self::is_ambiguous),
            Self::Object(members) => {
                let mut names = HashSet::new();
                members.iter().any(|(name, value)| {
                    // The parser reserves these names and does not return them as members.
                    !names.insert(name) || name.starts_with("$serde_json::private::") || value.is_ambiguous()
                })
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Tree::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}
