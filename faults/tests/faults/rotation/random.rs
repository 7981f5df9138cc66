use std::hash::{BuildHasher as _, RandomState};

/// `SplitMix64`: small, and the same on every machine.
pub struct Random(u64);

/// From `LATCHKEY_SEED`, or a new one. It reproduces the choices of the clients and the kills, not the scheduling of the
/// servers' threads.
pub fn seed() -> u64 {
    match std::env::var("LATCHKEY_SEED") {
        Ok(seed) => seed.parse().expect("LATCHKEY_SEED is a number"),
        Err(_) => RandomState::new().hash_one(0) >> 32,
    }
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator, whose choices do not depend on the order of calls.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True with this probability, in percent.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
