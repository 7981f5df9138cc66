//! When a signing key is made, begins to sign, and has gone. Pure rules over the stored keys, so that all servers that
//! read the same rows at the same time come to the same decision.
//!
//! ```text
//! made, published ---- LEAD ----> signs ---- rotation ----> the next one signs ---- token's life ----> gone
//! ```

use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::Algorithm;
use shared_claims::validity::EXPIRY_LEEWAY_SECONDS;

use crate::store::signing_keys::StoredKey;

/// How long a key is published before it signs. More than all who may hold an older set need together: another auth
/// server (10 s), an HTTP cache (5 minutes), a resource server (5 minutes).
const LEAD: TimeDelta = TimeDelta::minutes(15);

/// How far ahead a server says that it goes on signing with a key; it says so again when half of that has passed. A machine
/// may sleep for the other half and sign at once when it wakes.
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
    /// How long a new key is published before it signs; shorter where keys change so fast that caches could not follow.
    #[must_use]
    pub fn lead(&self) -> TimeDelta {
        LEAD.min(self.rotation / 2)
    }

    /// From when the next key is to sign, if it is time to make it.
    #[must_use]
    pub fn due(&self, stored: &[StoredKey], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Some(newest) = stored.iter().rev().find(|key| is_live(key) && self.is_own(key)) else {
            // Where another key signs meanwhile, this one is published first.
            let nothing_signs = !stored.iter().any(is_live);
            return Some(if nothing_signs { now } else { now + self.lead() });
        };
        let end = newest.active_from.and_utc() + self.rotation;
        (now >= end - self.lead()).then(|| end.max(now + self.lead()))
    }

    /// The key to sign with, of those that can be opened: the newest active one of the own algorithm; where there is
    /// none yet, or it was retired, the newest active one of another, which everybody has too; at worst, one that not
    /// everybody has.
    #[must_use]
    pub fn signing<'a>(&self, opened: &[&'a StoredKey], now: DateTime<Utc>) -> Option<&'a StoredKey> {
        let newest = |wanted: &dyn Fn(&StoredKey) -> bool| {
            opened.iter().rev().find(|key| is_live(key) && wanted(key)).copied()
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

/// Whether it is in the published set.
#[must_use]
pub fn is_live(key: &StoredKey) -> bool {
    key.retired_at.is_none()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use shared_claims::Algorithm;

    use super::KeySchedule;
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
    }
}
