//! Tokens whose signature was verified, so that it is verified once.
//!
//! Only tokens that passed every rule enter, so a forged or invalid token takes no memory. What the cache knows of a token
//! never changes; everything that can change is checked again at every validation, by the validator.

use std::hash::RandomState;
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use serde_json::{Map, Value};

use crate::claims::{AccessClaims, Audience};
use crate::jwk::Fingerprint;

/// SHA-256 of the whole token. The cache then contains nothing that can be sent as a token, and another token with the same
/// digest cannot be found.
type Digest = [u8; 32];

/// The weight of an ordinary token. It decides only how many shards there are and how many evicted tokens are remembered.
const ORDINARY_WEIGHT: usize = 1024;
/// The memory of an entry besides its claims: 104 bytes for digest, fingerprint and links, 5 in the table, both at most
/// twice as large as needed, and half as much again for the digests of evicted tokens.
const ENTRY: usize = 3 * 109;
/// The reference counts of an `Arc`.
const COUNTS: usize = 16;
/// A node of a B-tree with 11 members. Every node is at least half full, except for the first.
const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 16;

/// A correctly signed token.
#[derive(Clone)]
pub(crate) struct Verified {
    /// The key that verified the signature.
    pub key: Fingerprint,
    pub claims: Arc<AccessClaims>,
}

/// The memory is divided into shards by the digest under a random key, so that threads rarely wait for each other. Tokens
/// that are used once make way for one another, and those in use stay.
pub(crate) struct TokenCache {
    entries: Cache<Digest, Verified, Weight, RandomState>,
}

/// The state of a validator's cache, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCacheStatus {
    /// The number of cached tokens.
    pub tokens: usize,
    /// Their memory in bytes, at most what [`with_cache`](crate::AccessTokenValidator::with_cache) allows.
    pub bytes: u64,
    /// Validations that found their token.
    pub hits: u64,
    /// Validations that did not, those of invalid tokens included.
    pub misses: u64,
}

/// The place of one token, present or not.
pub(crate) struct Slot<'a> {
    cache: &'a TokenCache,
    digest: Digest,
}

impl TokenCache {
    pub fn new(bytes: usize) -> Self {
        let mut options = OptionsBuilder::new();
        options.weight_capacity(bytes as u64).estimated_items_capacity(bytes.div_ceil(ORDINARY_WEIGHT));
        let options = options.build().expect("both capacities are set");
        let entries = Cache::with_options(options, Weight, RandomState::new(), DefaultLifecycle::default());
        Self { entries }
    }

    pub fn slot(&self, token: &str) -> Slot<'_> {
        let mut digest = Digest::default();
        digest.copy_from_slice(digest::digest(&SHA256, token.as_bytes()).as_ref());
        Slot { cache: self, digest }
    }

    pub fn status(&self) -> TokenCacheStatus {
        let Self { entries } = self;
        TokenCacheStatus {
            tokens: entries.len(),
            bytes: entries.weight(),
            hits: entries.hits(),
            misses: entries.misses(),
        }
    }
}

impl Slot<'_> {
    pub fn get(&self) -> Option<Verified> {
        self.cache.entries.get(&self.digest)
    }

    pub fn insert(self, verified: Verified) {
        self.cache.entries.insert(self.digest, verified);
    }
}

/// Weighs an entry in bytes.
#[derive(Clone)]
struct Weight;

impl Weighter<Digest, Verified> for Weight {
    fn weight(&self, _: &Digest, verified: &Verified) -> u64 {
        let claims = &*verified.claims;
        let texts = [&claims.iss, &claims.sub, &claims.client_id, &claims.jti, &claims.token_type]
            .into_iter()
            .chain([&claims.sid, &claims.name])
            .chain(&claims.csrf);
        let audience = match &claims.aud {
            Audience::One(one) => allocated(one.capacity()),
            Audience::Many(many) => of_texts(many),
        };
        let heap = texts.map(|text| allocated(text.capacity())).sum::<usize>()
            + audience
            + of_texts(&claims.amr)
            + of_texts(&claims.roles)
            + of_members(&claims.custom);
        (ENTRY + allocated(COUNTS + size_of::<AccessClaims>()) + heap) as u64
    }
}

fn of_texts(texts: &Vec<String>) -> usize {
    allocated(texts.capacity() * size_of::<String>())
        + texts.iter().map(|text| allocated(text.capacity())).sum::<usize>()
}

fn of_members(members: &Map<String, Value>) -> usize {
    let nodes = members.len().div_ceil(5) * allocated(NODE);
    nodes + members.iter().map(|(name, value)| allocated(name.capacity()) + of_value(value)).sum::<usize>()
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => allocated(text.capacity()),
        Value::Array(elements) => {
            allocated(elements.capacity() * size_of::<Value>()) + elements.iter().map(of_value).sum::<usize>()
        }
        Value::Object(members) => of_members(members),
    }
}

/// What malloc takes for that many bytes: 8 more, in steps of 16 from 32 on.
fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) }
}
