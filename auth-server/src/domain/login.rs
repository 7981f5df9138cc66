//! Login: checks a password and opens a session.

use secrecy::SecretString;

use super::logout::{end_presented, note_ended};
use super::passwords::Check;
use super::refresh_tokens::SessionSecret;
use super::signer::UnusableKey;
use super::{Busy, Context, IssuedTokens, RefreshToken, access_tokens, security_log};
use crate::model::{Delivery, Email, Generation, PasswordHash, Session, SessionId, User, UserId, Username};
use crate::store::{AnyConnection, StoreError, sessions, users};

/// Whom somebody says to be.
pub enum Identifier {
    /// By address.
    Email(Email),
    /// By name.
    Username(Username),
}

/// How the new session is wanted.
pub struct Opening {
    /// How its tokens will travel.
    pub delivery: Delivery,
    /// Whether the cookie outlives the browser.
    pub remember: bool,
    /// Audience of the first access token.
    pub audience: Option<String>,
    /// Where the request came from.
    pub ip: Option<String>,
    /// What it said to be.
    pub user_agent: Option<String>,
    /// The session that was presented along: it ends with this login.
    pub replaces: Vec<RefreshToken>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown, wrong password, or disabled: callers are not told which.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The person's record changed while the right password was being checked, and the password did not.
    #[error("the person's record changed during the login")]
    RecordChanged,
    /// The audience is not listed.
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pair could not be signed.
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

/// Checks the password and opens a session.
///
/// # Errors
/// See [`LoginError`].
pub async fn log_in(
    context: &Context,
    identifier: Identifier,
    password: SecretString,
    opening: Opening,
) -> Result<IssuedTokens, LoginError> {
    let audience = context.policy.audience(opening.audience.as_deref()).ok_or(LoginError::UnknownAudience)?;
    // Before the database is asked: who is refused in a flood of logins must cost as little as can be, and keep
    // no connection from those who refresh.
    let place = context.passwords.place()?;
    let user = context.database.run(move |connection| find(connection, &identifier)).await?;
    let user_id = user.as_ref().map(|user| user.id);
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    // Without a person a stand-in is checked, so that the answer takes as long.
    let check = context.passwords.check(place, password.clone(), hash).await?;
    let Some(user) = user.filter(|user| user.disabled_at.is_none() && check != Check::Wrong) else {
        security_log::login_failed(user_id);
        return Err(LoginError::InvalidCredentials);
    };
    let rehashed = match check {
        // Should there be no place for it now, another login will do it.
        Check::RightButOutdated => context.passwords.hash(password).await.ok(),
        Check::Right | Check::Wrong => None,
    };
    let (session, secret) = new_session(context, user.id, &opening);
    let login = Login { user: user.clone(), session: session.clone(), rehashed, replaces: opening.replaces };
    match context.database.transaction(move |connection| login.open(connection)).await? {
        Opened::Yes { replaced } => note_ended(&replaced),
        Opened::RecordChanged => return Err(LoginError::RecordChanged),
        Opened::NotWithThisPassword => {
            security_log::login_failed(Some(user.id));
            return Err(LoginError::InvalidCredentials);
        }
    }
    security_log::login_succeeded(session.id, user.id);
    Ok(access_tokens::issue(context, user, session, &secret, audience)?)
}

/// A session as its first row will be, and the secret that only its tokens will hold.
pub(super) fn new_session(context: &Context, user: UserId, opening: &Opening) -> (Session, SessionSecret) {
    let now = context.now();
    let secret = SessionSecret::random();
    let session = Session {
        id: SessionId::random(),
        user_id: user,
        client_id: context.policy.client_id.clone(),
        generation: Generation::FIRST,
        secret_hash: secret.hash(),
        rotated_at: now,
        idempotency_key_hash: None,
        redeliveries: 0,
        delivery: opening.delivery,
        remember: opening.remember,
        auth_time: now,
        created_at: now,
        idle_expires_at: now + context.lifetimes.idle,
        expires_at: now + context.lifetimes.session,
        ended: None,
        ip: opening.ip.clone(),
        user_agent: opening.user_agent.clone(),
    };
    (session, secret)
}

fn find(connection: &mut AnyConnection, identifier: &Identifier) -> Result<Option<User>, StoreError> {
    match identifier {
        Identifier::Email(email) => users::by_email(connection, email),
        Identifier::Username(username) => users::by_username(connection, username),
    }
}

struct Login {
    user: User,
    session: Session,
    rehashed: Option<PasswordHash>,
    replaces: Vec<RefreshToken>,
}

enum Opened {
    Yes { replaced: Vec<Session> },
    RecordChanged,
    NotWithThisPassword,
}

impl Login {
    fn open(self, connection: &mut AnyConnection) -> Result<Opened, StoreError> {
        let now = self.session.created_at;
        if !users::note_login(connection, self.user.id, self.user.version, self.rehashed.as_ref(), now)? {
            // Somebody logged out everywhere at this moment, or got another role: "wrong password" would be a lie.
            let same = users::by_id(connection, self.user.id)?.is_some_and(|user| {
                user.disabled_at.is_none() && user.password_hash.is_same(&self.user.password_hash)
            });
            return Ok(if same { Opened::RecordChanged } else { Opened::NotWithThisPassword });
        }
        sessions::insert(connection, &self.session)?;
        let replaced = end_presented(connection, &self.replaces, now)?;
        Ok(Opened::Yes { replaced })
    }
}
