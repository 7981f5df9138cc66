//! Registration: creates a user and logs them in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::{NewPasswordError, PasswordHasher};
use crate::domain::proofs::{self, ProofError, RequestError};
use crate::domain::sessions::{NewSession, NotAdmitted};
use crate::domain::tokens::IssuedTokens;
use crate::domain::users::email_verification;
use crate::model::{Amr, DisplayName, Email, EventType, Locale, User, Username, guessable_words};
use crate::store::{StoreError, Taken, users};

pub struct NewUser {
    pub email: Email,
    pub account: Account,
}

/// What a person chooses for a new account.
pub struct Account {
    pub username: Option<Username>,
    pub name: Option<DisplayName>,
    /// In clear, until it is hashed.
    pub password: SecretString,
}

/// Why no account was created, by a registration or with a link.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// `REGISTRATION=closed`
    #[error("registration is closed")]
    Closed,
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Password(#[from] NewPasswordError),
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// The account exists, but its user gets no session before they prove the address.
    #[error("the e-mail address must be proved first")]
    EmailUnverified(Box<User>),
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
}

impl From<StoreError> for RegistrationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Email) => Self::EmailTaken,
            StoreError::Taken(Taken::Username) => Self::UsernameTaken,
            other => Self::Store(other),
        }
    }
}

/// Creates a user and starts their first session, both in one transaction. With `mail`, a mail asks the user to prove the
/// address; it is in this language.
pub async fn register(
    context: &Context,
    new_user: NewUser,
    new_session: NewSession,
    mail: Option<Locale>,
) -> Result<IssuedTokens, RegistrationError> {
    let outcome = create_and_log_in(context, new_user, new_session, mail).await;
    let label = outcome.as_ref().err().map_or("succeeded", RegistrationError::metric_label);
    context.metrics.registrations.count(label);
    outcome
}

async fn create_and_log_in(
    context: &Context,
    new_user: NewUser,
    new_session: NewSession,
    mail: Option<Locale>,
) -> Result<IssuedTokens, RegistrationError> {
    let audience = open_audience(context, &new_session)?;
    let now = context.now();
    let user = hash_password(&context.hasher, new_user, now).await?;
    let mail = match mail {
        // The client has a session, so that it needs no code.
        Some(locale) => {
            let requested = email_verification::requested(&user, locale);
            Some(proofs::prepare(context, requested, None, &new_session.client).await)
        }
        None => None,
    };
    let operation = context.operation(&new_session.client);
    let session = new_session.prepare(context, user.id, Amr::password(), false, operation.now);
    let user = User { last_login_at: session.is_enough_for(&user).then_some(now), ..user };
    let insert = operation.transaction(move |tx| {
        users::insert(tx.connection, &user)?;
        let admission = session.admit(tx, &user, EventType::Registered)?;
        match mail.as_ref().map_or(Ok(()), |mail| mail.insert(tx)) {
            // The user can request another mail later.
            Ok(()) | Err(RequestError::TooMany(_)) => {}
            Err(RequestError::Store(error)) => return Err(error.into()),
        }
        // The turn in `mail` must be held until the commit.
        Ok::<_, RegistrationError>((user, admission, mail))
    });
    let (user, admission, _mail) = insert.await?;
    Ok(admission.issue(context, user, audience)?)
}

/// The audience of the first session, if users can register.
pub fn open_audience<'a>(context: &'a Context, session: &NewSession) -> Result<&'a str, RegistrationError> {
    if !context.policy.registration_open {
        return Err(RegistrationError::Closed);
    }
    let audience = context.policy.audience(session.audience.as_deref());
    audience.ok_or(RegistrationError::UnknownAudience)
}

/// A user without roles and claims who is not in the database yet.
pub async fn hash_password(
    hasher: &PasswordHasher,
    new_user: NewUser,
    now: DateTime<Utc>,
) -> Result<User, NewPasswordError> {
    let NewUser { email, account: Account { username, name, password } } = new_user;
    let words = guessable_words(Some(&email), username.as_ref(), name.as_ref());
    let password_hash = hasher.hash_new(password, words).await?;
    Ok(User { username, name, ..User::new(email, password_hash, now) })
}

/// Inserts a user who does not log in now.
pub fn insert_without_session(tx: &mut Transaction<'_>, user: &User) -> Result<(), StoreError> {
    users::insert(tx.connection, user)?;
    tx.audit.record(tx.audit.event(EventType::Registered).of_user(user.id));
    tx.audit.record_first_roles(user);
    Ok(())
}

impl RegistrationError {
    /// Whether the password was hashed, or found too weak.
    pub fn is_attempt(&self) -> bool {
        !matches!(
            self,
            Self::Closed
                | Self::UnknownAudience
                | Self::Password(NewPasswordError::QueueFull(_))
                | Self::Proof(ProofError::QueueFull(_))
        )
    }

    pub(super) fn metric_label(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Proof(error) => error.metric_label(),
            Self::Request(RequestError::TooMany(_)) => "throttled",
            Self::EmailUnverified(_) | Self::NotAdmitted(NotAdmitted::Challenged(_)) => "succeeded",
            Self::Password(NewPasswordError::Weak(_)) => "weak_password",
            Self::Password(NewPasswordError::QueueFull(_)) => "busy",
            Self::EmailTaken | Self::UsernameTaken => "taken",
            Self::UnknownAudience => "malformed",
            Self::Request(RequestError::Store(_))
            | Self::Store(_)
            | Self::NotAdmitted(NotAdmitted::Signing(_)) => "unavailable",
        }
    }
}
