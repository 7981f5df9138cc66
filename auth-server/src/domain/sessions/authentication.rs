//! Who is calling? Actor refresh token, judged as at refresh but not spent; or by access token, to read only.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_claims::{AccessClaims, TokenError};

use crate::domain::audit::AuditLog;
use crate::domain::context::{Context, Lifetimes};
use crate::domain::sessions::refresh::may_be_redelivered;
use crate::domain::sessions::token_status::{TokenStatus, classify, missing_reason};
use crate::domain::tokens::RefreshToken;
use crate::model::{ClientInfo, EndReason, Session, User, UserId};
use crate::store::{AnyConnection, StoreError, sessions, users};

/// Why nobody is there.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The session is over, or never was.
    #[error("the session is over: {0}")]
    SessionEnded(EndReason),
    /// Not a refresh token of ours.
    #[error("the refresh token is not valid: {0}")]
    InvalidToken(TokenError),
    /// The refresh token was spent, and its successor may still be on the way to the client that spent it.
    #[error("the refresh token is spent, and its successor can still be asked for")]
    SpentToken,
    /// The access token was made before roles, password or status changed.
    #[error("the access token is older than the last change of the person's record")]
    StaleToken,
    /// The session changed while it was being looked at.
    #[error("the session changes too quickly")]
    Conflict,
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The session that the refresh token opens, and whose it is, both as the database has them now.
///
/// # Errors
/// See [`AuthenticationError`]. A spent token ends its session here too.
pub async fn by_refresh_token(
    context: &Context,
    token: &SecretString,
    requester: &ClientInfo,
) -> Result<(Session, User), AuthenticationError> {
    let token = context.refresh_tokens.read(token).map_err(|error| match error {
        TokenError::Expired => AuthenticationError::SessionEnded(EndReason::Expired),
        other => AuthenticationError::InvalidToken(other),
    })?;
    let (lifetimes, now, spent) = (context.lifetimes, context.now(), token.generation);
    // Whoever only reads waits for nobody. What may be written has a guard of its own.
    let asked = token.clone();
    let found = context.database.run(move |connection| find(connection, &asked, &lifetimes, now)).await?;
    match found {
        Found::Alive(session, Some(user)) => Ok((*session, enabled(*user)?)),
        Found::Alive(_, None) => Err(AuthenticationError::SessionEnded(EndReason::UserDeleted)),
        Found::Reused(session) => {
            let end = move |connection: &mut AnyConnection, audit: &mut AuditLog| {
                if sessions::end_reused(connection, session.id, spent, now)? {
                    audit.record_reuse(session.id, session.user_id);
                    return Ok(AuthenticationError::SessionEnded(EndReason::ReuseDetected));
                }
                // It ended in between, of something else, or is not what it was, as after a restore.
                Ok::<_, StoreError>(match find(connection, &token, &lifetimes, now)? {
                    Found::Over(reason) => AuthenticationError::SessionEnded(reason),
                    _ => AuthenticationError::Conflict,
                })
            };
            Err(context.transaction(requester, end).await?)
        }
        Found::Spent => Err(AuthenticationError::SpentToken),
        Found::Over(reason) => Err(AuthenticationError::SessionEnded(reason)),
    }
}

/// The person that a valid access token speaks of. Unlike a resource server we have the database at hand, so an
/// ended session or a changed record is noticed at once.
///
/// # Errors
/// See [`AuthenticationError`].
pub async fn by_access_token(context: &Context, claims: &AccessClaims) -> Result<User, AuthenticationError> {
    let unknown = AuthenticationError::SessionEnded(EndReason::Unknown);
    let (Ok(user), Ok(session)) = (claims.sub.parse::<UserId>(), claims.sid.parse()) else {
        return Err(unknown);
    };
    let (user, session) = context
        .database
        .run(move |connection| {
            Ok::<_, StoreError>((users::by_id(connection, user)?, sessions::by_id(connection, session)?))
        })
        .await?;
    let (Some(user), Some(session)) = (user, session) else { return Err(unknown) };
    if let Some(ended) = session.ended {
        return Err(AuthenticationError::SessionEnded(ended.reason));
    }
    let user = enabled(user)?;
    if u64::try_from(claims.uv).is_ok_and(|version| version >= user.version) {
        Ok(user)
    } else {
        Err(AuthenticationError::StaleToken)
    }
}

enum Found {
    Alive(Box<Session>, Option<Box<User>>),
    Reused(Box<Session>),
    Spent,
    Over(EndReason),
}

fn find(
    connection: &mut AnyConnection,
    token: &RefreshToken,
    lifetimes: &Lifetimes,
    now: DateTime<Utc>,
) -> Result<Found, StoreError> {
    let session = sessions::by_id(connection, token.session)?;
    match (classify(token, session.as_ref(), lifetimes, now), session) {
        (TokenStatus::Current { .. } | TokenStatus::WithinGrace, Some(session)) => {
            let user = users::by_id(connection, session.user_id)?;
            Ok(Found::Alive(Box::new(session), user.map(Box::new)))
        }
        // Whoever holds the Idempotency-Key can still have the lost answer. This call opens nothing, and
        // ends nothing: otherwise a lost answer and a page that asks who is logged in cost the session.
        (TokenStatus::Previous, Some(session)) if may_be_redelivered(&session) => Ok(Found::Spent),
        (TokenStatus::Previous | TokenStatus::Superseded, Some(session)) => {
            Ok(Found::Reused(Box::new(session)))
        }
        (TokenStatus::Ended(reason), Some(_)) => Ok(Found::Over(reason)),
        (_, None) => Ok(Found::Over(missing_reason(connection, token)?)),
    }
}

fn enabled(user: User) -> Result<User, AuthenticationError> {
    if user.disabled_at.is_some() {
        return Err(AuthenticationError::SessionEnded(EndReason::UserDisabled));
    }
    Ok(user)
}
