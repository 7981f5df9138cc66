//! Runs every property with proptest: on its seeds, on random changes of them, and on random input.

mod inputs;

use std::time::{Duration, Instant};

use properties::Property;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Cases per kind of input in the normal suite.
const CASES: u32 = 1_000;
/// Time per property in the long test.
const LONG: Duration = Duration::from_secs(120);

fn run(property: Property, seeds: &[Vec<u8>], cases: u32) {
    for seed in seeds {
        property(seed);
    }
    let strategies = [
        inputs::changed(seeds.to_vec()).boxed(),
        inputs::with_changed_members(seeds.to_vec()).boxed(),
        prop::collection::vec(any::<u8>(), 0..200).boxed(),
        "\\PC{0,200}".prop_map(String::into_bytes).boxed(),
    ];
    for strategy in strategies {
        // One runner per strategy, because a runner counts its cases over all its runs.
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
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
fn an_access_token_is_accepted_exactly_if_every_rule_holds() {
    holds("access_tokens");
}

#[test]
fn a_refresh_token_is_accepted_exactly_if_every_rule_holds() {
    holds("refresh_tokens");
}

#[test]
fn no_key_set_loses_a_valid_key_or_accepts_a_forgery() {
    holds("key_sets");
}

#[test]
fn strict_json_is_json_without_duplicate_members() {
    holds("json");
}

#[test]
fn the_refresh_cookie_is_found_by_its_exact_name() {
    holds("cookies");
}

#[test]
fn an_email_address_has_one_canonical_form() {
    holds("emails");
}

#[test]
fn an_idempotency_key_is_valid_or_an_error() {
    holds("idempotency_keys");
}

#[test]
fn cbor_is_accepted_exactly_in_the_form_of_authenticators() {
    holds("cbor");
}

#[test]
fn a_webauthn_response_is_accepted_only_if_every_rule_holds() {
    holds("webauthn_responses");
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
fn every_property_holds_for_two_minutes() {
    for (name, property, seeds) in properties::all() {
        let (started, mut cases) = (Instant::now(), 0_u64);
        while started.elapsed() < LONG {
            run(property, &seeds, CASES);
            cases += 4 * u64::from(CASES);
        }
        println!("{name}: {cases} inputs");
    }
}
