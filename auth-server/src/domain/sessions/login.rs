//! Login: checks a password and opens a session.

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::audit::AuditLog;
use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::passwords::throttle;
use crate::domain::passwords::verification::{self, Identifier, PasswordError, VerifiedPassword};
use crate::domain::sessions::logout::end_presented;
use crate::domain::tokens::{self, IssuedTokens, RefreshToken, SessionSecret};
use crate::model::{
    ClientInfo, Delivery, DeviceToken, EventType, Generation, Session, SessionId, TokenTransport, UserId,
};
use crate::store::{AnyConnection, StoreError, sessions};

/// How the new session is wanted.
pub struct Opening {
    /// How its tokens will travel.
    pub delivery: Delivery,
    /// Whether the cookie outlives the browser.
    pub remember: bool,
    /// Audience of the first access token.
    pub audience: Option<String>,
    /// Who asks for it.
    pub requester: ClientInfo,
    /// The session that was presented along: it ends with this login.
    pub replaces: Vec<RefreshToken>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The password proved nothing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The audience is not listed.
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
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
    let requester = opening.requester.clone();
    let failure = EventType::LoginFailed;
    let proof = verification::check(context, identifier, password, &requester, failure).await?;
    let proof = Arc::new(proof);
    let user = proof.user.clone();
    let device = opening.device(proof.device_is_known());
    let (session, secret) = new_session(context, user.id, &opening);
    let opened = open(context, Arc::clone(&proof), session.clone(), opening, device.clone()).await;
    if matches!(opened, Err(LoginError::Password(PasswordError::Wrong))) {
        verification::note_failure(context, Some(user.id), &requester, failure).await?;
    }
    opened?;
    Ok(IssuedTokens { device, ..tokens::issue(context, user, session, &secret, audience)? })
}

async fn open(
    context: &Context,
    proof: Arc<VerifiedPassword>,
    session: Session,
    opening: Opening,
    device: Option<DeviceToken>,
) -> Result<(), LoginError> {
    let requester = ClientInfo { device, ..opening.requester };
    let work = {
        let requester = requester.clone();
        move |connection: &mut AnyConnection, audit: &mut AuditLog| {
            let (user, now) = (session.user_id, session.created_at);
            proof.lock_user(connection, now)?;
            throttle::remember_origin(connection, user, &requester, now)?;
            sessions::insert(connection, &session)?;
            audit.record_session_event(EventType::LoginSucceeded, session.id, user);
            end_presented(connection, audit, &opening.replaces, now)?;
            Ok(())
        }
    };
    context.transaction(&requester, work).await
}

impl Opening {
    /// What is left at the device, to tell it again: browsers only. A token that this person's logins did not leave there may
    /// be known to whoever planted it, and is replaced.
    pub fn device(&self, is_familiar: bool) -> Option<DeviceToken> {
        let shown = self.requester.device.clone().filter(|_| is_familiar);
        (self.delivery.transport() == TokenTransport::Cookie)
            .then(|| shown.unwrap_or_else(DeviceToken::random))
    }
}

/// A session as its first row will be, and the secret that only its tokens will hold.
pub fn new_session(context: &Context, user: UserId, opening: &Opening) -> (Session, SessionSecret) {
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
        ip: opening.requester.address(),
        user_agent: opening.requester.user_agent.clone(),
    };
    (session, secret)
}
