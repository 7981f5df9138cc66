//! Tests of the public interface of shared-claims.

mod access_cookie;
mod attack;
mod attacks_of_others;
mod attacks_on_claims;
mod attacks_on_form;
mod attacks_on_keys;
mod attacks_on_time;
mod certificates;
mod extractors;
mod fixture;
mod frameworks;
mod invariants;
mod issuer;
mod key_sets;
mod no_panics;
mod problems;
mod refresh_tokens;
mod remote_key_set;
mod require_token;
mod revocation_feed;
mod service;
mod strict_json;
mod token_cache;
mod valid_tokens;
mod vectors;
