//! When a signing key is created, signs, and is removed. Pure rules over the stored keys: servers that read the same rows
//! at the same time make the same decision.
//!
//! ```text
//! created, published ---- LEAD ----> signs ---- rotation ----> the next one signs ---- token lifetime ----> removed
//! ```

use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::Algorithm;
use shared_claims::time_checks::EXPIRY_LEEWAY_SECONDS;

use crate::store::signing_keys::StoredKey;

/// No key is added to a set of this size: clients reject a set of more than 64 keys.
const MAX_KEYS: usize = 60;

/// A key that becomes active later than this was created by a server with a wrong clock.
const MAX_PLAUSIBLE_LEAD: TimeDelta = TimeDelta::days(1);

/// How long a key is published before it signs. Longer than all caches together: another auth server (10 s), an HTTP cache
/// (5 minutes), a resource server (5 minutes).
const LEAD: TimeDelta = TimeDelta::minutes(15);

/// A server that signs with a key announces that it needs the key for this long, and again when half of it has passed. So
/// a machine may be suspended for half an hour and sign immediately afterwards.
const NEED_AHEAD: TimeDelta = TimeDelta::hours(1);

#[derive(Clone, Copy, Debug)]
pub struct KeySchedule {
    /// Of the keys that it signs with.
    pub algorithm: Algorithm,
    /// How long a key signs.
    pub rotation: TimeDelta,
    /// Lifetime of an access token.
    pub token_life: TimeDelta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Published, not signing yet.
    Next,
    Active,
    Retired,
}

impl KeySchedule {
    /// From when the next key signs, if it is time to create it.
    pub fn due(&self, stored: &[StoredKey], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if is_full(stored, now) {
            return None;
        }
        let Some(newest) = self.newest(stored, now) else {
            // If another key can sign until then, this one is published first. Not if its predecessor was retired: resource
            // servers may accept no other algorithm.
            let others_sign = stored.iter().any(is_live);
            let was_retired = stored.iter().any(|key| self.is_own(key) && !is_live(key));
            return Some(if others_sign && !was_retired { now + LEAD } else { now });
        };
        let end = newest.active_from.and_utc() + self.rotation;
        (now >= end - LEAD).then(|| end.max(now + LEAD))
    }

    /// From when a key signs that an operator creates now.
    pub fn by_hand(now: DateTime<Utc>) -> DateTime<Utc> {
        now + LEAD
    }

    /// The newest key of this server's algorithm, except keys created with a wrong clock.
    pub fn newest<'a>(&self, stored: &'a [StoredKey], now: DateTime<Utc>) -> Option<&'a StoredKey> {
        let is_plausible = |key: &&StoredKey| key.active_from.and_utc() <= now + MAX_PLAUSIBLE_LEAD;
        stored.iter().rev().filter(|key| is_live(key) && self.is_own(key)).find(is_plausible)
    }

    /// The key to sign with, of those that are usable: the newest active one of this server's algorithm, else the newest
    /// active one of another algorithm, else one that is not active yet and that some caches do not have.
    pub fn signing<'a>(&self, usable: &[&'a StoredKey], now: DateTime<Utc>) -> Option<&'a StoredKey> {
        let newest = |matches: &dyn Fn(&StoredKey) -> bool| {
            usable.iter().rev().find(|key| is_live(key) && matches(key)).copied()
        };
        let is_active = |key: &StoredKey| stage(key, now) == Stage::Active;
        newest(&|key| is_active(key) && self.is_own(key))
            .or_else(|| newest(&is_active))
            .or_else(|| newest(&|_| true))
    }

    /// Until when a server that signs with a key now needs it.
    pub fn needed_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + NEED_AHEAD + self.token_life + TimeDelta::seconds(EXPIRY_LEEWAY_SECONDS)
    }

    /// Whether the need that is stored for the key is still long enough.
    pub fn is_needed_for_long(&self, key: &StoredKey, now: DateTime<Utc>) -> bool {
        let stored = key.needed_until.map(|until| until.and_utc());
        stored.is_some_and(|until| until >= self.needed_until(now) - NEED_AHEAD / 2)
    }

    /// Whether the key has this server's algorithm.
    pub fn is_own(&self, key: &StoredKey) -> bool {
        key.algorithm == self.algorithm.as_str()
    }
}

pub fn stage(key: &StoredKey, now: DateTime<Utc>) -> Stage {
    if key.retired_at.is_some() {
        Stage::Retired
    } else if key.active_from.and_utc() > now {
        Stage::Next
    } else {
        Stage::Active
    }
}

pub fn is_live(key: &StoredKey) -> bool {
    key.retired_at.is_none()
}

/// Whether the key signs, will sign, or has signed tokens that have not expired.
pub fn is_needed(key: &StoredKey, now: DateTime<Utc>) -> bool {
    key.needed_until.is_none_or(|until| until.and_utc() >= now)
}

pub fn is_published(key: &StoredKey, now: DateTime<Utc>) -> bool {
    is_live(key) && is_needed(key, now)
}

pub fn is_full(stored: &[StoredKey], now: DateTime<Utc>) -> bool {
    stored.iter().filter(|key| is_published(key, now)).count() >= MAX_KEYS
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use shared_claims::Algorithm;

    use crate::domain::keys::schedule::KeySchedule;
    use crate::store::signing_keys::StoredKey;

    const RULES: KeySchedule = KeySchedule {
        algorithm: Algorithm::Es256,
        rotation: TimeDelta::days(30),
        token_life: TimeDelta::minutes(15),
    };

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn key(ordinal: i32, algorithm: Algorithm, active_from: i64) -> StoredKey {
        StoredKey {
            ordinal,
            kid: format!("key {ordinal}"),
            algorithm: algorithm.as_str().to_owned(),
            public_jwk: String::new(),
            private_key: Vec::new(),
            encryption_key_id: String::new(),
            created_at: at(0).naive_utc(),
            active_from: at(active_from).naive_utc(),
            needed_until: None,
            retired_at: None,
        }
    }

    fn signing(keys: &[StoredKey], minutes: i64) -> i32 {
        let all: Vec<&StoredKey> = keys.iter().collect();
        RULES.signing(&all, at(minutes)).expect("a key").ordinal
    }

    #[test]
    fn the_first_key_signs_immediately_and_the_first_of_another_algorithm_is_published_first() {
        assert_eq!(RULES.due(&[], at(0)), Some(at(0)));
        let others = [key(1, Algorithm::EdDsa, 0)];
        assert_eq!(RULES.due(&others, at(0)), Some(at(15)));
        assert_eq!(signing(&others, 0), 1);
    }

    #[test]
    fn the_next_key_is_created_in_time_and_a_late_one_is_still_published_first() {
        let month = 30 * 24 * 60;
        let keys = [key(1, Algorithm::Es256, 0)];
        assert_eq!(RULES.due(&keys, at(month - 16)), None);
        assert_eq!(RULES.due(&keys, at(month - 15)), Some(at(month)));
        assert_eq!(RULES.due(&keys, at(2 * month)), Some(at(2 * month + 15)));
        let both = [key(1, Algorithm::Es256, 0), key(2, Algorithm::Es256, month)];
        assert_eq!(RULES.due(&both, at(month - 15)), None);
        assert_eq!((signing(&both, month - 1), signing(&both, month)), (1, 2));
    }

    #[test]
    fn a_retired_signing_key_is_replaced_by_the_next_best() {
        let mut keys =
            [key(1, Algorithm::EdDsa, 0), key(2, Algorithm::Es256, 0), key(3, Algorithm::Es256, 60)];
        keys[1].retired_at = Some(at(5).naive_utc());
        assert_eq!(signing(&keys, 5), 1, "all caches have it");
        keys[0].retired_at = Some(at(5).naive_utc());
        assert_eq!(signing(&keys, 5), 3, "some caches do not have it, but there is no other");
        keys[2].retired_at = Some(at(5).naive_utc());
        assert_eq!(RULES.due(&keys, at(5)), Some(at(5)), "no key is left");
        keys[0].retired_at = None;
        assert_eq!(RULES.due(&keys, at(5)), Some(at(5)), "no key of the algorithm is left");
    }

    #[test]
    fn a_key_created_with_a_wrong_clock_does_not_stop_the_rotation() {
        let month = 30 * 24 * 60;
        let keys = [key(1, Algorithm::Es256, 0), key(2, Algorithm::Es256, 100 * month)];
        assert_eq!(RULES.due(&keys, at(month - 15)), Some(at(month)));
        assert_eq!(signing(&keys, month), 1);
    }

    #[test]
    fn no_key_is_added_to_a_full_set() {
        let keys: Vec<StoredKey> = (0..60).map(|ordinal| key(ordinal, Algorithm::EdDsa, 0)).collect();
        assert_eq!(RULES.due(&keys, at(0)), None);
        assert!(RULES.due(&keys[1..], at(0)).is_some());
    }

    #[test]
    fn keys_that_are_no_longer_needed_do_not_count() {
        let mut keys: Vec<StoredKey> = (0..60).map(|ordinal| key(ordinal, Algorithm::EdDsa, 0)).collect();
        keys[0].needed_until = Some(at(10).naive_utc());
        assert_eq!(RULES.due(&keys, at(10)), None);
        assert!(RULES.due(&keys, at(11)).is_some());
    }
}
