//! Which session a request belongs to. A refresh token is classified as at refresh, but not rotated. An access token only
//! allows reads.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_claims::{AccessClaims, TokenError};

use crate::domain::context::{Context, Lifetimes};
use crate::domain::sessions::refresh::may_be_redelivered;
use crate::domain::sessions::token_status::{self, TokenStatus};
use crate::domain::tokens::RefreshToken;
use crate::model::{ClientInfo, EndReason, Session, User, UserId};
use crate::store::{AnyConnection, StoreError, sessions, users};

/// The session of a request, as it is in the database.
pub struct CurrentSession {
    pub session: Session,
    /// Its user, who is enabled.
    pub user: User,
    pub token: RefreshToken,
}

/// Why a request has no session.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The session has ended or expired, or is unknown.
    #[error("the session has ended: {0}")]
    SessionEnded(EndReason),
    #[error("invalid refresh token: {0}")]
    InvalidToken(TokenError),
    /// The refresh token is superseded, but the client may not have received its successor yet.
    #[error("the refresh token is superseded, and its successor can still be requested")]
    SupersededToken,
    /// The access token was issued before roles, password or status changed.
    #[error("the access token is older than the last change of its user")]
    StaleToken,
    #[error("concurrent update of the session")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The session of a refresh token. A superseded token ends its session here too.
pub async fn by_refresh_token(
    context: &Context,
    token: &SecretString,
    client: &ClientInfo,
) -> Result<CurrentSession, AuthenticationError> {
    let token = context.refresh_tokens.read(token).map_err(|error| match error {
        TokenError::Expired => AuthenticationError::SessionEnded(EndReason::Expired),
        other => AuthenticationError::InvalidToken(other),
    })?;
    let operation = context.operation(client);
    let (lifetimes, now) = (context.lifetimes, operation.now);
    // Without a transaction: a request that only reads never waits for a lock. Writes have their own guards.
    let reading = token.clone();
    let read = move |connection: &mut AnyConnection| find(connection, &reading, &lifetimes, now);
    match context.database.run(read).await? {
        Found::Active(session, user) => Ok(CurrentSession { session: *session, user: *user, token }),
        Found::Reused(session) => {
            let end =
                operation.transaction(move |tx| token_status::end_reused(tx, &token, &session, &lifetimes));
            let reason = end.await?.ok_or(AuthenticationError::Conflict)?;
            Err(AuthenticationError::SessionEnded(reason))
        }
    }
}

/// The user of an access token with a valid signature. Unlike a resource server this server has the database, so it
/// rejects the token as soon as the session ends or the user changes.
pub async fn user_by_access_token(
    context: &Context,
    claims: &AccessClaims,
) -> Result<User, AuthenticationError> {
    let unknown = AuthenticationError::SessionEnded(EndReason::Unknown);
    let (Ok(user), Ok(session)) = (claims.sub.parse::<UserId>(), claims.sid.parse()) else {
        return Err(unknown);
    };
    let read = move |connection: &mut AnyConnection| {
        Ok::<_, StoreError>((users::by_id(connection, user)?, sessions::by_id(connection, session)?))
    };
    let (Some(user), Some(session)) = context.database.run(read).await? else { return Err(unknown) };
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
    Active(Box<Session>, Box<User>),
    Reused(Box<Session>),
}

fn find(
    connection: &mut AnyConnection,
    token: &RefreshToken,
    lifetimes: &Lifetimes,
    now: DateTime<Utc>,
) -> Result<Found, AuthenticationError> {
    match token_status::load(connection, token, lifetimes, now)? {
        TokenStatus::Current { session, .. } | TokenStatus::WithinGrace(session) => {
            let user = users::by_id(connection, session.user_id)?
                .ok_or(AuthenticationError::SessionEnded(EndReason::UserDeleted))?;
            Ok(Found::Active(session.into(), enabled(user)?.into()))
        }
        // The client with the Idempotency-Key can still get its lost response. This call must not end the session:
        // otherwise a lost response followed by a request such as GET /auth/me would log the user out.
        TokenStatus::Previous(session) if may_be_redelivered(&session) => {
            Err(AuthenticationError::SupersededToken)
        }
        TokenStatus::Previous(session) | TokenStatus::Superseded(session) => {
            Ok(Found::Reused(session.into()))
        }
        TokenStatus::Ended(reason) => Err(AuthenticationError::SessionEnded(reason)),
    }
}

fn enabled(user: User) -> Result<User, AuthenticationError> {
    if user.disabled_at.is_some() {
        return Err(AuthenticationError::SessionEnded(EndReason::UserDisabled));
    }
    Ok(user)
}
