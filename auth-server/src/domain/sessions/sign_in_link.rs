//! Sign-in links: a code that starts one session without a password. Only programs that host the server issue them.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::context::Context;
use crate::domain::sessions::new_session::{NewSession, NotAdmitted};
use crate::domain::tokens::IssuedTokens;
use crate::model::{Amr, Email, EventType, User, random_text, sha256};
use crate::store::{AnyConnection, StoreError, users};

/// Others can read the terminal or its scrollback later.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// 128 random bits.
const CODE_BYTES: usize = 16;

/// The link that was issued last, if it has not been used. It is in memory only: a restart invalidates it.
#[derive(Default)]
pub struct SignInLink(Mutex<Option<Issued>>);

struct Issued {
    code_hash: [u8; 32],
    user: User,
    expires_at: DateTime<Utc>,
}

#[derive(Debug, thiserror::Error)]
pub enum SignInLinkError {
    /// The code is unknown, used or expired, or the user has changed since.
    #[error("the sign-in link is not valid")]
    Invalid,
    /// The code was correct, but the user must prove their address first.
    #[error("the e-mail address must be proved first")]
    EmailUnverified(Box<User>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
}

/// Returns a code for this user and invalidates the previous one. Returns `None` if no enabled user has this address.
pub async fn issue(
    context: &Context,
    link: &SignInLink,
    email: Email,
) -> Result<Option<SecretString>, StoreError> {
    let find = move |connection: &mut AnyConnection| users::by_email(connection, &email);
    let found = context.database.run(find).await?;
    let Some(user) = found.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
    let code = random_text::<CODE_BYTES>();
    let code_hash = hash(&code);
    link.set(Issued { code_hash, user, expires_at: context.now() + LIFETIME });
    Ok(Some(code))
}

/// Starts a session. Any change of the user's password, roles or status invalidates the code.
pub async fn log_in(
    context: &Context,
    link: &SignInLink,
    code: &SecretString,
    new_session: NewSession,
) -> Result<IssuedTokens, SignInLinkError> {
    let issued = link.take(code, context.now()).ok_or(SignInLinkError::Invalid)?;
    let outcome = start_session(context, issued.user.clone(), new_session).await;
    if let Err(SignInLinkError::Store(_)) = outcome {
        link.set(issued);
    }
    outcome
}

async fn start_session(
    context: &Context,
    user: User,
    new_session: NewSession,
) -> Result<IssuedTokens, SignInLinkError> {
    if context.policy.requires_proof_of_email(&user) {
        return Err(SignInLinkError::EmailUnverified(Box::new(user)));
    }
    let audience = context.policy.audience(None).ok_or(SignInLinkError::Invalid)?;
    let operation = context.operation(&new_session.client);
    let session = new_session.prepare(context, user.id, Amr::sign_in_link(), false, operation.now);
    let inserted = operation.transaction(move |tx| {
        let is_unchanged = if session.is_enough_for(&user) {
            users::record_login(tx.connection, user.id, user.version, None, tx.now)?
        } else {
            users::lock_version(tx.connection, user.id, user.version)?
        };
        if !is_unchanged {
            return Err(SignInLinkError::Invalid);
        }
        Ok((session.admit(tx, &user, EventType::LoginSucceeded)?, user))
    });
    let (admission, user) = inserted.await?;
    Ok(admission.issue(context, user, audience)?)
}

impl SignInLink {
    fn set(&self, issued: Issued) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(issued);
    }

    /// Returns the link to the first caller with its code. A wrong code leaves it valid: no one guesses 128 bits.
    fn take(&self, code: &SecretString, now: DateTime<Utc>) -> Option<Issued> {
        let hash = hash(code);
        let mut link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        link.take_if(|issued| issued.code_hash == hash && now < issued.expires_at)
    }
}

/// Comparing hashes reveals nothing about the code by its time.
fn hash(code: &SecretString) -> [u8; 32] {
    sha256(code.expose_secret().as_bytes())
}
