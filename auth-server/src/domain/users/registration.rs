//! Registration: makes a person, and logs them in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Map;

use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::passwords::{Passwords, QueueFull, WeakPassword, throttle};
use crate::domain::sessions::login::{Opening, new_session};
use crate::domain::sessions::logout::end_presented;
use crate::domain::tokens::{self, IssuedTokens};
use crate::model::{
    ClientInfo, DisplayName, Email, EventType, PasswordHash, User, UserId, Username, guessable_words,
};
use crate::store::{StoreError, Taken, sessions, users};

/// Who somebody wants to be.
pub struct NewPerson {
    /// Unique.
    pub email: Email,
    /// Unique.
    pub username: Option<Username>,
    /// How to greet them.
    pub name: Option<DisplayName>,
    /// In clear, until it is hashed.
    pub password: SecretString,
}

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Actor setting.
    #[error("registration is closed")]
    Closed,
    /// Too short, too long or too easy to guess.
    #[error("weak password: {0}")]
    WeakPassword(WeakPassword),
    /// Somebody has that address already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Somebody has that username already.
    #[error("the username is taken")]
    UsernameTaken,
    /// The audience is not listed.
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// Too many passwords are waiting to be hashed.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The database gave no answer.
    #[error(transparent)]
    Store(StoreError),
    /// The pair could not be signed.
    #[error(transparent)]
    Signing(#[from] UnusableKey),
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

/// Registers a person and opens their first session, both or neither.
///
/// # Errors
/// See [`RegistrationError`].
pub async fn register(
    context: &Context,
    person: NewPerson,
    opening: Opening,
) -> Result<IssuedTokens, RegistrationError> {
    if !context.policy.registration_open {
        return Err(RegistrationError::Closed);
    }
    let audience =
        context.policy.audience(opening.audience.as_deref()).ok_or(RegistrationError::UnknownAudience)?;
    let user = hashed(&context.passwords, person, context.now()).await?;
    let (session, secret) = new_session(context, user.id, &opening);
    let device = opening.device(false);
    let requester = ClientInfo { device: device.clone(), ..opening.requester };
    let (new_user, first_session, who) = (user.clone(), session.clone(), requester.clone());
    context
        .transaction(&requester, move |connection, audit| {
            let now = first_session.created_at;
            users::insert(connection, &new_user)?;
            throttle::remember_origin(connection, new_user.id, &who, now)?;
            sessions::insert(connection, &first_session)?;
            audit.record_session_event(EventType::Registered, first_session.id, new_user.id);
            end_presented(connection, audit, &opening.replaces, now)
        })
        .await?;
    Ok(IssuedTokens { device, ..tokens::issue(context, user, session, &secret, audience)? })
}

/// A person with neither roles nor claims, who is not stored yet.
pub async fn hashed(
    passwords: &Passwords,
    person: NewPerson,
    now: DateTime<Utc>,
) -> Result<User, RegistrationError> {
    let words = guessable_words(&person.email, person.username.as_ref(), person.name.as_ref());
    let hash = passwords.hash_if_strong(person.password, words).await?;
    let password_hash: PasswordHash = hash.map_err(RegistrationError::WeakPassword)?;
    Ok(User {
        id: UserId::random(),
        email: person.email,
        username: person.username,
        name: person.name,
        password_hash,
        roles: Vec::new(),
        claims: Map::new(),
        version: 1,
        disabled_at: None,
        created_at: now,
        last_login_at: None,
    })
}
