//! Challenges: logins that passed the first factor. A challenge is no session, and nothing that an API could mistake for one.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use webauthn::Purpose;

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::model::{Amr, EventType, FactorMethod, ImpossibleValue, User, UserId, random_text, sha256};
use crate::store::login_challenges::{self, StoredChallenge};
use crate::store::passkeys::{self, Passkey};
use crate::store::{AnyConnection, StoreError, users};

use super::{has_any, methods};

/// From the first factor until the session starts.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// So that people and secret scanners recognize it.
const PREFIX: &str = "lkc_";
const BYTES: usize = 32;

/// What completes the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeKind {
    /// An answer with the user's second factor.
    Factor,
    /// A new second factor: the user has none.
    Enrolment,
    /// The same, after a code from the user's mailbox: a thief of the password must not choose the second factor.
    EnrolmentWithMailedCode,
}

/// What the client gets instead of tokens.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub kind: ChallengeKind,
    pub value: SecretString,
    /// What the user can answer with.
    pub methods: Vec<FactorMethod>,
    /// Of the user, who passed the first factor and may know them.
    passkeys: Vec<Passkey>,
    /// For `navigator.credentials.get`.
    pub passkey_options: Option<Value>,
    /// Seconds.
    pub expires_in: i64,
}

/// A challenge that a client presents, and its user.
#[derive(Clone)]
pub struct OpenChallenge {
    hash: [u8; 32],
    pub kind: ChallengeKind,
    pub user: User,
    /// How the user passed the first factor.
    pub amr: Amr,
}

impl Challenge {
    /// Starts a challenge for a user who passed the first factor. The transaction must have locked or inserted the user's row.
    /// `enrolment`: for a user without a second factor.
    pub fn start(
        tx: &mut Transaction<'_>,
        user: &User,
        amr: &Amr,
        enrolment: ChallengeKind,
    ) -> Result<Self, StoreError> {
        let kind = if user.second_factor || has_any(tx.connection, user.id)? {
            ChallengeKind::Factor
        } else {
            enrolment
        };
        let value: SecretString = format!("{PREFIX}{}", random_text::<BYTES>().expose_secret()).into();
        let row = StoredChallenge {
            hash: hash(&value).to_vec(),
            kind: kind.as_str().to_owned(),
            user_id: user.id.to_string(),
            user_version: i64::try_from(user.version).unwrap_or(i64::MAX),
            amr: amr.to_string(),
            attempts: 0,
            created_at: tx.now.naive_utc(),
            expires_at: (tx.now + LIFETIME).naive_utc(),
        };
        login_challenges::insert(tx.connection, &row)?;
        tx.audit.record(tx.audit.event(EventType::MfaChallenged).of_user(user.id));
        let methods = methods(tx.connection, user.id)?;
        let passkeys = passkeys::of_user(tx.connection, user.id)?;
        Ok(Self { kind, value, methods, passkeys, passkey_options: None, expires_in: LIFETIME.num_seconds() })
    }

    /// Adds the options for the user's passkeys, if there are any.
    pub fn with_passkey_options(mut self, context: &Context) -> Self {
        let enabled = context.passkeys.as_deref().filter(|_| !self.passkeys.is_empty());
        let binding = hash(&self.value);
        self.passkey_options = enabled.map(|enabled| {
            enabled.request_options(Purpose::SecondFactor, &binding, &self.passkeys, context.now())
        });
        if self.passkey_options.is_none() {
            self.methods.retain(|method| *method != FactorMethod::Passkey);
        }
        self
    }
}

impl OpenChallenge {
    /// `None` if it is unknown, used or expired, took too many answers, or if its user has changed.
    pub async fn find(context: &Context, value: &SecretString) -> Result<Option<Self>, StoreError> {
        let (hash, now) = (hash(value), context.now());
        let read = move |connection: &mut AnyConnection| {
            let Some(row) = login_challenges::open(connection, &hash, now)? else { return Ok(None) };
            let id: UserId = row.user_id.parse().map_err(|_| impossible("login_challenges.user_id"))?;
            let user = users::by_id(connection, id)?.filter(|user| user.disabled_at.is_none());
            let user = user.filter(|user| i64::try_from(user.version) == Ok(row.user_version));
            let (kind, amr) = (ChallengeKind::parse(&row.kind)?, row.amr.parse()?);
            Ok(user.map(|user| Self { hash, kind, user, amr }))
        };
        context.database.run(read).await
    }

    /// What the challenges of passkeys are bound to.
    pub fn binding(&self) -> &[u8] {
        &self.hash
    }

    /// Counts an answer. Locks the user's row. Returns `false` if the challenge is no longer open.
    pub fn count_attempt(&self, tx: &mut Transaction<'_>) -> Result<bool, StoreError> {
        Ok(users::lock_version(tx.connection, self.user.id, self.user.version)?
            && login_challenges::count_attempt(tx.connection, &self.hash, tx.now)?)
    }

    /// The user has entered the code from the mailbox.
    pub fn pass_mailed_code(&mut self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        self.kind = ChallengeKind::Enrolment;
        login_challenges::set_kind(tx.connection, &self.hash, self.kind.as_str())
    }

    /// Uses the challenge up. Returns `false` if another request did.
    pub fn consume(&self, tx: &mut Transaction<'_>) -> Result<bool, StoreError> {
        login_challenges::consume(tx.connection, &self.hash)
    }
}

impl ChallengeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Factor => "factor",
            Self::Enrolment => "enrolment",
            Self::EnrolmentWithMailedCode => "enrolment_with_mailed_code",
        }
    }

    fn parse(text: &str) -> Result<Self, ImpossibleValue> {
        let all = [Self::Factor, Self::Enrolment, Self::EnrolmentWithMailedCode];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| impossible("login_challenges.kind"))
    }
}

/// Comparing hashes reveals nothing about the value by its time.
fn hash(value: &SecretString) -> [u8; 32] {
    sha256(value.expose_secret().as_bytes())
}

fn impossible(column: &'static str) -> ImpossibleValue {
    ImpossibleValue { column }
}
