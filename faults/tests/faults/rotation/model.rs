//! The rules of rotation for one session, one operation after the other.

use super::history::{Call, LOGGED_OUT, Operation, REUSE, Seen};

/// How often a token is redelivered after the grace period.
const MAX_REDELIVERIES: u8 = 5;

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub grace: Grace,
    /// Whether a 503 may have changed something: only if the connection to the database broke, perhaps during a commit.
    pub unavailable_is_unknown: bool,
}

/// The two values of `REFRESH_REUSE_GRACE` with which the results do not depend on the speed of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// `0s`: applies only to requests that were in progress during the rotation.
    None,
    /// `60s`, the longest allowed: a client never takes that long between two calls.
    Endless,
}

/// The state of the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub generation: u64,
    key: Option<u64>,
    /// The last rotation was requested at this time, and its server had read its clock by the second time.
    rotated_from: u64,
    rotated_by: u64,
    redeliveries: u8,
    ended: Option<&'static str>,
}

impl State {
    /// All results that the operation may have in this state, with the next state. There is more than one only if it depends on the
    /// clock.
    pub fn outcomes(self, rules: Rules, operation: &Operation) -> Vec<(Seen, Self)> {
        match operation.call {
            Call::ReadRow => {
                let ended = self.ended.map(str::to_owned);
                vec![(Seen::Row { generation: self.generation, ended }, self)]
            }
            Call::LogOut => {
                let ended = self.ended.or(Some(LOGGED_OUT));
                vec![(Seen::LoggedOut, Self { ended, ..self })]
            }
            Call::Refresh { generation, key } => self.refresh(rules, operation, generation, key),
        }
    }

    fn refresh(self, rules: Rules, operation: &Operation, spent: u64, key: Option<u64>) -> Vec<(Seen, Self)> {
        if let Some(reason) = self.ended {
            return vec![(Seen::Ended(reason.to_owned()), self)];
        }
        // A client cannot have a token that was not issued, and no row comes from a backup.
        if spent > self.generation {
            return Vec::new();
        }
        let reuse = || {
            // The request arrived before the rotation, if at all: that proves no theft.
            let is_delayed = operation.seen == Seen::Abandoned && operation.returned < self.rotated_from;
            let ended = (Seen::Ended(REUSE.to_owned()), Self { ended: Some(REUSE), ..self });
            if is_delayed { (Seen::Unavailable, self) } else { ended }
        };
        let again = Seen::Rotation(self.generation);
        if spent == self.generation {
            let rotated_by = match (rules.grace, &operation.seen) {
                (Grace::None, Seen::Abandoned) => u64::MAX,
                (Grace::None, _) => operation.returned,
                (Grace::Endless, _) => 0,
            };
            let rotated_from = operation.invoked;
            let next =
                Self { generation: spent + 1, key, rotated_from, rotated_by, redeliveries: 0, ended: None };
            return vec![(Seen::Rotation(spent + 1), next)];
        }
        if spent + 1 < self.generation {
            return vec![reuse()];
        }
        let later = if key.is_some() && key == self.key && self.redeliveries < MAX_REDELIVERIES {
            (again.clone(), Self { redeliveries: self.redeliveries + 1, ..self })
        } else {
            reuse()
        };
        match rules.grace {
            Grace::Endless => vec![(again, self)],
            // Its server may have read the clock before the server of the rotation, and then the age is negative.
            Grace::None if operation.invoked < self.rotated_by => vec![(again, self), later],
            Grace::None => vec![later],
        }
    }
}
