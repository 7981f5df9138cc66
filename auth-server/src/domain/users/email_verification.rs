//! Users prove that their address is theirs, with a mailed link or code.

use secrecy::SecretString;
use serde_json::Map;

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::proofs::{
    self, CheckedProof, Continuation, Presented, ProofError, RequestError, Requested,
};
use crate::domain::sessions::{self, Credentials, PasswordError};
use crate::model::{ClientInfo, EventType, Locale, Purpose, User, UserId};
use crate::store::{AnyConnection, StoreError, users};

#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who presents a link or code, beside the mailbox that it was sent to.
pub enum Companion {
    /// The client that requested it.
    Continuation,
    Password(SecretString),
    /// A session of this user.
    Session(UserId),
}

/// What proves the present address of a user. A change of the user makes it invalid.
pub fn requested(user: &User, locale: Locale) -> Requested {
    Requested {
        purpose: Purpose::Verify,
        email: user.email.clone(),
        user: Some((user.id, user.version)),
        data: Map::new(),
        locale: user.locale.clone().unwrap_or(locale),
    }
}

/// Requests a mail with a link and a code. The sender finds out whether the address is proved already.
pub async fn request_verification(
    context: &Context,
    user: &User,
    locale: Locale,
    client: &ClientInfo,
) -> Result<Continuation, RequestError> {
    proofs::request(context, requested(user, locale), client, |_| Ok(())).await
}

/// Records that the address is the user's. Returns the user. The mailbox alone does not prove that: another person may have
/// registered the address, and its owner must not confirm that account by opening a link.
pub async fn verify_email(
    context: &Context,
    presented: Presented,
    companion: Companion,
    client: &ClientInfo,
) -> Result<User, VerificationError> {
    let checked = proofs::check(context, presented, Purpose::Verify, client).await?;
    let outcome = verify_checked(context, checked, companion, client).await;
    let label = outcome.as_ref().err().map_or("used", VerificationError::metric_label);
    context.metrics.count_proof(Purpose::Verify, label);
    outcome
}

async fn verify_checked(
    context: &Context,
    checked: CheckedProof,
    companion: Companion,
    client: &ClientInfo,
) -> Result<User, VerificationError> {
    let (id, version) = checked.proof.user.ok_or(ProofError::Invalid("the proof has no user"))?;
    match companion {
        Companion::Continuation if checked.is_by_requester => {}
        Companion::Password(password) => check_password(context, (id, version), password, client).await?,
        Companion::Session(user) if user == id => {}
        Companion::Continuation | Companion::Session(_) => {
            return Err(ProofError::Invalid("of another user").into());
        }
    }
    let verify = move |tx: &mut Transaction<'_>| {
        checked.consume(tx)?;
        let user = users::by_id(tx.connection, id)?.filter(|user| user.email == checked.proof.email);
        let user = user.ok_or(ProofError::Invalid("the user has another address"))?;
        if users::set_email_verified(tx.connection, id, tx.now)? {
            tx.audit.record(tx.audit.event(EventType::EmailVerified).of_user(id));
        }
        let user = User { email_verified_at: user.email_verified_at.or(Some(tx.now)), ..user };
        // The permit in `checked` must be held until the commit.
        Ok::<_, VerificationError>((user, checked))
    };
    let (user, _checked) = context.operation(client).transaction(verify).await?;
    Ok(user)
}

async fn check_password(
    context: &Context,
    (user, version): (UserId, u64),
    password: SecretString,
    client: &ClientInfo,
) -> Result<(), VerificationError> {
    let find = move |connection: &mut AnyConnection| users::by_id(connection, user);
    let user = context.database.run(find).await?.filter(|user| user.version == version);
    let user = user.ok_or(ProofError::Invalid("the user has changed"))?;
    let credentials = Credentials::of(&user, password);
    let verified = sessions::verify(context, credentials, client, EventType::LoginFailed).await?;
    Ok(verified.forget_failure(context).await?)
}

impl VerificationError {
    fn metric_label(&self) -> &'static str {
        match self {
            Self::Proof(error) => error.metric_label(),
            Self::Password(PasswordError::Wrong) => "wrong_password",
            Self::Password(PasswordError::TooManyFailures(_)) => "throttled",
            Self::Password(PasswordError::QueueFull(_)) => "busy",
            Self::Password(PasswordError::UserChanged | PasswordError::Store(_)) | Self::Store(_) => {
                "unavailable"
            }
        }
    }
}
