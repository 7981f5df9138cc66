//! Every property, driven by proptest: from inputs that reach far, changed at random, and from nothing but chance.

use std::time::{Duration, Instant};

use properties::Property;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

/// Of each kind, in the ordinary suite.
const CASES: u32 = 3_000;
/// For each property, in the long form.
const LONG: Duration = Duration::from_secs(120);

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

fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
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

fn run(property: Property, seeds: &[Vec<u8>], cases: u32) {
    for seed in seeds {
        property(seed);
    }
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let strategies = [
        changed(seeds.to_vec()).boxed(),
        prop::collection::vec(any::<u8>(), 0..200).boxed(),
        "\\PC{0,200}".prop_map(String::into_bytes).boxed(),
    ];
    for strategy in strategies {
        let outcome = runner.run(&strategy, |data| {
            property(&data);
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

fn named(name: &str) -> (Property, Vec<Vec<u8>>) {
    let found = properties::all().into_iter().find(|(other, ..)| *other == name);
    found.map(|(_, property, seeds)| (property, seeds)).expect("a property")
}

fn holds(name: &str) {
    let (property, seeds) = named(name);
    run(property, &seeds, CASES);
}

#[test]
fn an_access_token_is_accepted_exactly_by_the_rules() {
    holds("access_tokens");
}

#[test]
fn a_refresh_token_is_read_exactly_by_the_rules() {
    holds("refresh_tokens");
}

#[test]
fn no_key_set_takes_a_good_key_away_or_lets_a_forgery_pass() {
    holds("key_sets");
}

#[test]
fn strict_json_is_json_without_a_member_twice() {
    holds("json");
}

#[test]
fn the_refresh_cookie_is_found_by_its_exact_name() {
    holds("cookies");
}

#[test]
fn an_email_address_has_one_form() {
    holds("emails");
}

#[test]
fn an_idempotency_key_is_one_or_an_error() {
    holds("idempotency_keys");
}

#[test]
fn every_property_is_fuzzed_and_tested() {
    let tests = include_str!("main.rs");
    let fuzzed = include_str!("../../fuzz/Cargo.toml");
    for (name, ..) in properties::all() {
        assert!(tests.contains(&format!("holds(\"{name}\")")), "{name} has no test");
        assert!(fuzzed.contains(&format!("name = \"{name}\"")), "{name} has no fuzz target");
    }
}

#[test]
#[ignore = "long: two minutes for each property"]
fn every_property_holds_for_a_long_time() {
    for (name, property, seeds) in properties::all() {
        let (started, mut cases) = (Instant::now(), 0_u64);
        while started.elapsed() < LONG {
            run(property, &seeds, CASES);
            cases += 3 * u64::from(CASES);
        }
        println!("{name}: {cases} inputs");
    }
}
