//! When a signing key is made, begins to sign, and has gone. Pure rules over the stored keys, so that all servers that
//! read the same rows at the same time come to the same decision.
//!
//! ```text
//! made, published ---- LEAD ----> signs ---- rotation ----> the next one signs ---- token's life ----> gone
//! ```

use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::Algorithm;
use shared_claims::time_checks::EXPIRY_LEEWAY_SECONDS;

use crate::store::signing_keys::StoredKey;

/// To a set of so many no key is added: who fetches one refuses more than 64.
const MOST_KEYS: usize = 60;

/// A key that is to sign later than that was made by a server whose clock was far ahead.
const NOT_HONEST: TimeDelta = TimeDelta::days(1);

/// How long a key is published before it signs. More than all who may hold an older set need together: another auth
/// server (10 s), an HTTP cache (5 minutes), a resource server (5 minutes).
const LEAD: TimeDelta = TimeDelta::minutes(15);

/// How far ahead a server says that it goes on signing with a key; it says so again when half of that has passed. So a
/// machine may sleep for half an hour, and sign at once when it wakes.
const FORESIGHT: TimeDelta = TimeDelta::hours(1);

/// The rules of one server.
#[derive(Clone, Copy, Debug)]
pub struct KeySchedule {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// For how long a key signs.
    pub rotation: TimeDelta,
    /// How long a token lives.
    pub token_life: TimeDelta,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Published, and not signing yet.
    Next,
    /// May sign.
    Active,
    /// Taken out of use.
    Retired,
}

impl KeySchedule {
    /// From when the next key is to sign, if it is time to make it.
    #[must_use]
    pub fn due(&self, stored: &[StoredKey], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if is_full(stored, now) {
            return None;
        }
        let Some(newest) = self.newest(stored, now) else {
            // Where another key signs meanwhile, this one is published first; unless its predecessor was retired, for those
            // who check the tokens may know of no other algorithm.
            let others_sign = stored.iter().any(is_live);
            let was_retired = stored.iter().any(|key| self.is_own(key) && !is_live(key));
            return Some(if others_sign && !was_retired { now + LEAD } else { now });
        };
        let end = newest.active_from.and_utc() + self.rotation;
        (now >= end - LEAD).then(|| end.max(now + LEAD))
    }

    /// From when a key would sign that is made by hand now.
    #[must_use]
    pub fn by_hand(now: DateTime<Utc>) -> DateTime<Utc> {
        now + LEAD
    }

    /// The newest key of the own algorithm, not counting what a wrong clock has made.
    #[must_use]
    pub fn newest<'a>(&self, stored: &'a [StoredKey], now: DateTime<Utc>) -> Option<&'a StoredKey> {
        let is_honest = |key: &&StoredKey| key.active_from.and_utc() <= now + NOT_HONEST;
        stored.iter().rev().filter(|key| is_live(key) && self.is_own(key)).find(is_honest)
    }

    /// The key to sign with, of those that can be used: the newest active one of the own algorithm; where there is
    /// none yet, or it was retired, the newest active one of another, which everybody has too; at worst, one that not
    /// everybody has.
    #[must_use]
    pub fn signing<'a>(&self, usable: &[&'a StoredKey], now: DateTime<Utc>) -> Option<&'a StoredKey> {
        let newest = |wanted: &dyn Fn(&StoredKey) -> bool| {
            usable.iter().rev().find(|key| is_live(key) && wanted(key)).copied()
        };
        let is_active = |key: &StoredKey| stage(key, now) == Stage::Active;
        newest(&|key| is_active(key) && self.is_own(key))
            .or_else(|| newest(&is_active))
            .or_else(|| newest(&|_| true))
    }

    /// Until when a key is needed by a server that signs with it now.
    #[must_use]
    pub fn needed_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + FORESIGHT + self.token_life + TimeDelta::seconds(EXPIRY_LEEWAY_SECONDS)
    }

    /// Whether a key that is needed until then may go on signing without another word to the other servers.
    #[must_use]
    pub fn is_needed_for_long(&self, key: &StoredKey, now: DateTime<Utc>) -> bool {
        let said = key.needed_until.map(|until| until.and_utc());
        said.is_some_and(|until| until >= self.needed_until(now) - FORESIGHT / 2)
    }

    /// Whether it is one of this server's algorithm.
    #[must_use]
    pub fn is_own(&self, key: &StoredKey) -> bool {
        key.algorithm == self.algorithm.as_str()
    }
}

/// Where a key is in its life.
#[must_use]
pub fn stage(key: &StoredKey, now: DateTime<Utc>) -> Stage {
    if key.retired_at.is_some() {
        Stage::Retired
    } else if key.active_from.and_utc() > now {
        Stage::Next
    } else {
        Stage::Active
    }
}

/// Whether it was not taken out of use.
#[must_use]
pub fn is_live(key: &StoredKey) -> bool {
    key.retired_at.is_none()
}

/// Whether tokens of it may be about: it signs, will sign, or has signed not long ago.
#[must_use]
pub fn is_needed(key: &StoredKey, now: DateTime<Utc>) -> bool {
    key.needed_until.is_none_or(|until| until.and_utc() >= now)
}

/// Whether it belongs into the set.
#[must_use]
pub fn is_published(key: &StoredKey, now: DateTime<Utc>) -> bool {
    is_live(key) && is_needed(key, now)
}

/// Whether the set has no room for another key.
#[must_use]
pub fn is_full(stored: &[StoredKey], now: DateTime<Utc>) -> bool {
    stored.iter().filter(|key| is_published(key, now)).count() >= MOST_KEYS
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
    fn the_first_key_signs_at_once_and_the_first_of_an_algorithm_once_all_know_it() {
        assert_eq!(RULES.due(&[], at(0)), Some(at(0)));
        let others = [key(1, Algorithm::EdDsa, 0)];
        assert_eq!(RULES.due(&others, at(0)), Some(at(15)));
        assert_eq!(signing(&others, 0), 1);
    }

    #[test]
    fn the_next_key_is_made_in_time_and_a_late_one_is_still_published_first() {
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
    fn where_the_signing_key_is_retired_the_next_best_signs() {
        let mut keys =
            [key(1, Algorithm::EdDsa, 0), key(2, Algorithm::Es256, 0), key(3, Algorithm::Es256, 60)];
        keys[1].retired_at = Some(at(5).naive_utc());
        assert_eq!(signing(&keys, 5), 1, "everybody has it");
        keys[0].retired_at = Some(at(5).naive_utc());
        assert_eq!(signing(&keys, 5), 3, "not everybody has it, but there is no other");
        keys[2].retired_at = Some(at(5).naive_utc());
        assert_eq!(RULES.due(&keys, at(5)), Some(at(5)), "there is none at all");
        keys[0].retired_at = None;
        assert_eq!(RULES.due(&keys, at(5)), Some(at(5)), "there is none of the algorithm any more");
    }

    #[test]
    fn a_key_from_the_far_future_stops_nothing() {
        let month = 30 * 24 * 60;
        let keys = [key(1, Algorithm::Es256, 0), key(2, Algorithm::Es256, 100 * month)];
        assert_eq!(RULES.due(&keys, at(month - 15)), Some(at(month)));
        assert_eq!(signing(&keys, month), 1);
    }

    #[test]
    fn a_full_set_takes_no_more() {
        let keys: Vec<StoredKey> = (0..60).map(|ordinal| key(ordinal, Algorithm::EdDsa, 0)).collect();
        assert_eq!(RULES.due(&keys, at(0)), None);
        assert!(RULES.due(&keys[1..], at(0)).is_some());
    }

    #[test]
    fn keys_that_have_left_the_set_take_no_room_in_it() {
        let mut keys: Vec<StoredKey> = (0..60).map(|ordinal| key(ordinal, Algorithm::EdDsa, 0)).collect();
        keys[0].needed_until = Some(at(10).naive_utc());
        assert_eq!(RULES.due(&keys, at(10)), None);
        assert!(RULES.due(&keys, at(11)).is_some());
    }
}
