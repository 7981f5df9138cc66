use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::{Email, ImpossibleValue, MailKind, ProofId, UserId};

/// What the holder of a link or code can do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Completes a registration.
    Register,
    /// Verifies the address of a user.
    Verify,
    /// Sets a new password.
    Reset,
    /// Gives a user a new address.
    Change,
    /// Creates the account that an administrator offered.
    Invite,
    /// Sets up a second factor at a login. Has a code and no link.
    Enrol,
}

/// A row that a link or code refers to. The link's token and the code are derived from it, and not stored.
#[derive(Clone, Debug)]
pub struct Proof {
    pub id: ProofId,
    pub purpose: Purpose,
    /// The address that the link is sent to.
    pub email: Email,
    /// The user and their version, from then on. A proof of an address that no user has is never valid.
    pub user: Option<(UserId, u64)>,
    /// SHA-256 of the continuation that the requesting client got.
    pub continuation_hash: Option<[u8; 32]>,
    /// Names the secret from which token and code are derived.
    pub key_id: String,
    /// What the effect requires, for example the roles of an invitation.
    pub data: Map<String, Value>,
    /// Codes that were tried.
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// `None` until the mail is sent.
    pub code_until: Option<DateTime<Utc>>,
    pub used_at: Option<DateTime<Utc>>,
    pub void_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofState {
    Open,
    Used,
    Void,
    Expired,
}

impl Purpose {
    pub const ALL: [Self; 6] =
        [Self::Register, Self::Verify, Self::Reset, Self::Change, Self::Invite, Self::Enrol];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Change => "change",
            Self::Invite => "invite",
            Self::Enrol => "enrol",
        }
    }

    /// How long the link is valid, from the time at which it is sent.
    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::Register | Self::Verify | Self::Change => TimeDelta::hours(24),
            Self::Reset => TimeDelta::minutes(30),
            Self::Invite => TimeDelta::days(7),
            Self::Enrol => Proof::CODE_LIFETIME,
        }
    }

    /// Whether its mail has a link, and not only a code.
    pub fn has_link(self) -> bool {
        self != Self::Enrol
    }

    /// The mail with the link or code.
    pub fn mail(self) -> MailKind {
        match self {
            Self::Register => MailKind::Register,
            Self::Verify => MailKind::Verify,
            Self::Reset => MailKind::Reset,
            Self::Change => MailKind::Change,
            Self::Invite => MailKind::Invite,
            Self::Enrol => MailKind::EnrolmentCode,
        }
    }
}

impl Proof {
    /// A code has 8 digits, and its proof admits this many attempts.
    pub const MAX_ATTEMPTS: i32 = 5;
    /// How long a code is valid, from the time at which it is sent.
    pub const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

    /// A proof that is requested now.
    pub fn new(purpose: Purpose, email: Email, key_id: &str, now: DateTime<Utc>) -> Self {
        Self {
            id: ProofId::random(),
            purpose,
            email,
            user: None,
            continuation_hash: None,
            key_id: key_id.to_owned(),
            data: Map::new(),
            attempts: 0,
            created_at: now,
            expires_at: now + purpose.lifetime(),
            code_until: None,
            used_at: None,
            void_at: None,
        }
    }

    /// Of the link.
    pub fn state(&self, now: DateTime<Utc>) -> ProofState {
        self.state_until(self.expires_at, now)
    }

    /// Of the code. A mail that is retried moves `expires_at`, and an address without a user gets none: if the state depended
    /// on that, the response to a wrong code would reveal whether a user has the address. No code that is sent lives longer.
    pub fn code_state(&self, now: DateTime<Utc>) -> ProofState {
        self.state_until(self.created_at + self.purpose.lifetime() + Self::CODE_LIFETIME, now)
    }

    fn state_until(&self, end: DateTime<Utc>, now: DateTime<Utc>) -> ProofState {
        if self.used_at.is_some() {
            ProofState::Used
        } else if self.void_at.is_some() || self.attempts >= Self::MAX_ATTEMPTS {
            ProofState::Void
        } else if end <= now {
            ProofState::Expired
        } else {
            ProofState::Open
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.as_str() == text);
        found.ok_or(ImpossibleValue { column: "proofs.purpose" })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use crate::model::{Email, Proof, ProofState, Purpose};

    #[test]
    fn a_proof_is_open_until_it_is_used_void_or_expired() {
        let now = DateTime::UNIX_EPOCH;
        for purpose in Purpose::ALL {
            let open = Proof::new(purpose, Email::from_stored("ann@example.org".into()), "key", now);
            let last = now + purpose.lifetime() - TimeDelta::milliseconds(1);
            assert_eq!(open.state(last), ProofState::Open);
            assert_eq!(open.state(now + purpose.lifetime()), ProofState::Expired);
            let moved = Proof { expires_at: now + purpose.lifetime() * 2, ..open.clone() };
            for proof in [&open, &moved] {
                let end = now + purpose.lifetime() + Proof::CODE_LIFETIME;
                assert_eq!(proof.code_state(end - TimeDelta::milliseconds(1)), ProofState::Open);
                assert_eq!(proof.code_state(end), ProofState::Expired);
            }
            let used = Proof { used_at: Some(now), void_at: Some(now), ..open.clone() };
            assert_eq!(used.state(now + purpose.lifetime()), ProofState::Used);
            assert_eq!(Proof { void_at: Some(now), ..open.clone() }.state(now), ProofState::Void);
            assert_eq!(Proof { attempts: 4, ..open.clone() }.state(now), ProofState::Open);
            assert_eq!(Proof { attempts: 5, ..open }.state(now), ProofState::Void);
            assert_eq!(purpose.as_str().parse::<Purpose>().unwrap(), purpose);
        }
    }
}
