//! Answers: what proves a second factor. Each can be used once, and wrong ones are counted over all challenges, servers and
//! addresses.

use std::sync::Arc;

use secrecy::SecretString;
use webauthn::{AuthenticationResponse, Purpose};

use super::{Totp, recovery_codes};
use crate::domain::context::Context;
use crate::domain::notices::Notice;
use crate::domain::operation::Transaction;
use crate::domain::passkeys::{PasskeyVerdict, Passkeys, PresentedPasskey};
use crate::domain::passwords::{QueueFull, TooManyFailures, check_failures_in_a_row};
use crate::model::{Amr, EventType, FactorMethod, UserId};
use crate::store::users::FactorFailures;
use crate::store::{AnyConnection, StoreError, recovery_codes as recovery_codes_table, totp_factors, users};

/// Wrong answers in a row after which codes of apps are no longer accepted (NIST SP 800-63B §3.2.2). Only a person who passed
/// the first factor causes one. A recovery code, another factor or an administrator ends the lock.
pub const LOCK: i32 = 100;
/// The user is told of this many in a row (OWASP ASVS 5.0, 6.3.5).
const NOTICE: i32 = 5;

/// What a client sends to prove a second factor.
pub enum Answer {
    /// Digits of an authenticator app.
    Code(SecretString),
    /// As the user typed it.
    RecoveryCode(SecretString),
    /// What the browser returned.
    Passkey(Box<AuthenticationResponse>),
}

/// Why an answer could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An answer that only the database can judge.
#[derive(Clone)]
pub enum PreparedAnswer {
    /// The app's and time steps whose code it is.
    Code(Vec<(String, i64)>),
    /// The hash of the code.
    RecoveryCode(Option<[u8; 32]>),
    /// `None`: this server has no passkeys.
    Passkey(Option<(Arc<Passkeys>, PresentedPasskey)>),
}

/// What the database says. Both are to be committed: wrong answers are counted.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    Correct,
    Rejected(Rejection),
}

/// Why an answer proves nothing.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Rejection {
    #[error("wrong code")]
    Wrong,
    /// Not checked, and not counted.
    #[error(transparent)]
    TooMany(#[from] TooManyFailures),
    /// Not checked: after too many wrong codes in a row another method is required.
    #[error("codes of apps are locked")]
    Locked,
    /// Not the user's, not for this ceremony, used before, or suspicious. Not counted as a wrong code: it cannot be guessed.
    #[error("the passkey is invalid")]
    InvalidPasskey,
    /// No user has it.
    #[error("the passkey is unknown")]
    UnknownPasskey,
}

impl AnswerError {
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::QueueFull(_) => "busy",
            Self::Store(_) => "unavailable",
        }
    }
}

impl Rejection {
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Wrong | Self::InvalidPasskey | Self::UnknownPasskey => "wrong",
            Self::Locked => "locked",
            Self::TooMany(_) => "throttled",
        }
    }
}

impl Answer {
    /// Whether a text has the form of a recovery code.
    pub fn is_recovery_code(typed: &SecretString) -> bool {
        recovery_codes::normalize(typed).is_some()
    }

    pub fn method(&self) -> FactorMethod {
        match self {
            Self::Code(_) => FactorMethod::Totp,
            Self::RecoveryCode(_) => FactorMethod::RecoveryCode,
            Self::Passkey(_) => FactorMethod::Passkey,
        }
    }

    /// The methods of a session after this answer.
    pub fn added_to(&self, amr: Amr) -> Amr {
        match self {
            Self::Code(_) | Self::RecoveryCode(_) => amr.with_code(),
            Self::Passkey(_) => amr.with_passkey(),
        }
    }

    /// Does what takes long before the transaction. `purpose` and `binding`: what the challenge of a passkey must be for.
    pub async fn prepare(
        self,
        context: &Context,
        user: UserId,
        purpose: Purpose,
        binding: &[u8],
    ) -> Result<PreparedAnswer, AnswerError> {
        match self {
            Self::Code(code) => {
                let load = move |connection: &mut AnyConnection| totp_factors::of_user(connection, user);
                let apps = context.database.run(load).await?;
                let encryption = context.totp_encryption.as_ref();
                let step = |app: &totp_factors::TotpFactor| {
                    let step = Totp::of_factor(app, encryption?)?.matching_step(&code, context.now())?;
                    Some((app.id.clone(), step))
                };
                Ok(PreparedAnswer::Code(apps.iter().filter_map(step).collect()))
            }
            Self::RecoveryCode(typed) => {
                let load = move |connection: &mut AnyConnection| recovery_codes_table::salt(connection, user);
                let salt = context.database.run(load).await?;
                let (Some(salt), Some(code)) = (salt, recovery_codes::normalize(&typed)) else {
                    return Ok(PreparedAnswer::RecoveryCode(None));
                };
                let hashes = context.hasher.hash_recovery_codes(vec![code], salt).await?;
                Ok(PreparedAnswer::RecoveryCode(hashes.first().copied()))
            }
            Self::Passkey(response) => {
                let presented = PresentedPasskey { response: *response, purpose, binding: binding.to_vec() };
                Ok(PreparedAnswer::Passkey(context.passkeys.clone().map(|passkeys| (passkeys, presented))))
            }
        }
    }
}

impl PreparedAnswer {
    /// `false`: it is wrong, whatever the database contains.
    pub fn can_be_correct(&self) -> bool {
        match self {
            Self::Code(steps) => !steps.is_empty(),
            Self::RecoveryCode(hash) => hash.is_some(),
            Self::Passkey(presented) => presented.is_some(),
        }
    }

    /// Decides, and spends a correct answer. The transaction must have locked the user's row, so that attempts are decided one
    /// after the other.
    pub fn prove(&self, tx: &mut Transaction<'_>, user: UserId) -> Result<Verdict, StoreError> {
        let failures = users::factor_failures(tx.connection, user)?;
        let now = tx.now.naive_utc();
        if let Some(last_at) = failures.last_at
            && let Err(error) = check_failures_in_a_row(failures.count, last_at, now)
        {
            return Ok(Verdict::Rejected(error.into()));
        }
        let is_correct = match self {
            Self::Code(_) if failures.count >= LOCK => return Ok(Verdict::Rejected(Rejection::Locked)),
            Self::Code(steps) => spend_step(tx, steps)?,
            Self::RecoveryCode(None) => false,
            Self::RecoveryCode(Some(hash)) => recovery_codes_table::spend(tx.connection, user, hash, tx.now)?,
            Self::Passkey(None) => return Ok(Verdict::Rejected(Rejection::InvalidPasskey)),
            Self::Passkey(Some((passkeys, presented))) => match passkeys.prove(presented, tx, user)? {
                PasskeyVerdict::Correct => true,
                PasskeyVerdict::Invalid => return Ok(Verdict::Rejected(Rejection::InvalidPasskey)),
                PasskeyVerdict::Unknown => return Ok(Verdict::Rejected(Rejection::UnknownPasskey)),
            },
        };
        if !is_correct {
            let count = failures.count.saturating_add(1);
            users::set_factor_failures(tx.connection, user, FactorFailures { count, last_at: Some(now) })?;
            self.record_failure(tx, user, count);
            return Ok(Verdict::Rejected(Rejection::Wrong));
        }
        if failures.count > 0 {
            users::set_factor_failures(tx.connection, user, FactorFailures::default())?;
        }
        if matches!(self, Self::RecoveryCode(_)) {
            tx.audit.record(tx.audit.event(EventType::RecoveryCodeUsed).of_user(user));
        }
        Ok(Verdict::Correct)
    }

    fn record_failure(&self, tx: &mut Transaction<'_>, user: UserId, count: i32) {
        let method = match self {
            Self::Code(_) => FactorMethod::Totp,
            Self::RecoveryCode(_) => FactorMethod::RecoveryCode,
            Self::Passkey(_) => FactorMethod::Passkey,
        };
        let failed = tx.audit.event(EventType::FactorFailed).of_user(user);
        tx.audit.record(failed.with("method", method.as_str()));
        if count == NOTICE {
            tx.audit.notify(Notice::of_wrong_codes(user));
        }
        if count == LOCK {
            tx.audit.record(tx.audit.event(EventType::FactorLocked).of_user(user));
        }
    }
}

fn spend_step(tx: &mut Transaction<'_>, steps: &[(String, i64)]) -> Result<bool, StoreError> {
    for (id, step) in steps {
        if totp_factors::spend_step(tx.connection, id, *step, tx.now)? {
            return Ok(true);
        }
    }
    Ok(false)
}
