//! Which session a request belongs to. A refresh token is classified as at refresh, but not rotated. An access token only
//! allows reads.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_claims::{AccessClaims, Acr, TokenError};

use crate::domain::context::{Context, Lifetimes};
use crate::domain::sessions::rotation::{IdempotencyKey, may_be_redelivered};
use crate::domain::sessions::token_status::{self, Times, TokenStatus};
use crate::domain::tokens::RefreshToken;
use crate::model::{ClientInfo, EndReason, Mfa, Session, SessionId, User, UserId};
use crate::store::{AnyConnection, StoreError, sessions, users};

/// The session of a request, as it is in the database.
pub struct CurrentSession {
    /// With the `auth_time` and `amr` of the request's token.
    pub session: Session,
    /// Its user, who is enabled.
    pub user: User,
    pub token: RefreshToken,
    /// Whether this is a retry of a rotation that changed the password: the request's token is the one before it.
    pub password_is_changed: bool,
    /// Whether this is a retry, with its Idempotency-Key, of a rotation that proved a factor.
    pub repeats_proof: bool,
    /// Whether the user has turned on a second factor, and the server uses it.
    pub has_second_factor: bool,
}

impl CurrentSession {
    /// The session's current token. The request's token may be the one before it, within the grace period.
    pub fn newest_token(&self) -> RefreshToken {
        let generation = self.session.generation.max(self.token.generation);
        self.token.clone().with_generation(generation)
    }
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
    /// A new password replaced the refresh token within the grace period.
    #[error("a new password replaced the refresh token within the grace period")]
    ReplacedToken,
    /// The access token was issued before roles, password or status changed.
    #[error("the access token is older than the last change of its user")]
    StaleToken,
    /// The token is superseded, but that proves no theft.
    #[error("the request arrived before the last rotation of the session")]
    Delayed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The session of a refresh token. A superseded token ends its session here too.
pub async fn by_refresh_token(
    context: &Context,
    token: &SecretString,
    client: &ClientInfo,
) -> Result<CurrentSession, AuthenticationError> {
    authenticate(context, token, Use::Read, client).await
}

/// The session of a call that proves the password and rotates it. Also accepts the token before a rotation whose response
/// was lost: within the grace period, or with the Idempotency-Key of that rotation. If the rotation changed the password,
/// the returned token has the secret since then.
pub async fn to_rotate(
    context: &Context,
    token: &SecretString,
    key: Option<IdempotencyKey>,
    client: &ClientInfo,
) -> Result<CurrentSession, AuthenticationError> {
    authenticate(context, token, Use::Rotate(key), client).await
}

async fn authenticate(
    context: &Context,
    token: &SecretString,
    purpose: Use,
    client: &ClientInfo,
) -> Result<CurrentSession, AuthenticationError> {
    let token = context.refresh_tokens.read(token).map_err(|error| match error {
        TokenError::Expired => AuthenticationError::SessionEnded(EndReason::Expired),
        other => AuthenticationError::InvalidToken(other),
    })?;
    let operation = context.operation(client);
    let (lifetimes, times) = (context.lifetimes, Times::of(&operation));
    // Without a transaction: a request that only reads never waits for a lock. Writes have their own guards.
    let mfa_is_on = context.policy.mfa != Mfa::Off;
    let read = move |connection: &mut AnyConnection| find(connection, token, purpose, &lifetimes, times);
    match context.database.run(read).await? {
        Found::Active(current) => {
            let has_second_factor = mfa_is_on && current.user.second_factor;
            Ok(CurrentSession { has_second_factor, ..*current })
        }
        Found::Reused(token, session) => {
            let end = operation
                .transaction(move |tx| token_status::end_reused(tx, &token, &session, &lifetimes, times));
            let reason = end.await?.ok_or(AuthenticationError::Delayed)?;
            Err(AuthenticationError::SessionEnded(reason))
        }
    }
}

/// Whether the session has another secret than this by now, because of a new password.
pub async fn is_replaced(
    context: &Context,
    session: SessionId,
    secret_hash: [u8; 32],
) -> Result<bool, StoreError> {
    let session = context.database.run(move |connection| sessions::by_id(connection, session)).await?;
    Ok(session.is_some_and(|session| session.secret_hash != secret_hash))
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
        let found = (users::by_id(connection, user)?, sessions::by_id(connection, session)?);
        match found {
            (_, Some(Session { ended: Some(ended), .. })) => Ok(Err(ended.reason)),
            (Some(user), Some(_)) => Ok(Ok(user)),
            (_, None) | (None, _) => token_status::missing_reason(connection, Some(user)).map(Err),
        }
    };
    let user = context.database.run(read).await?.map_err(AuthenticationError::SessionEnded)?;
    let user = enabled(user)?;
    if u64::try_from(claims.uv).is_ok_and(|version| version >= user.version) {
        Ok(user)
    } else {
        Err(AuthenticationError::StaleToken)
    }
}

#[derive(Clone, Copy)]
enum Use {
    Read,
    Rotate(Option<IdempotencyKey>),
}

enum Found {
    Active(Box<CurrentSession>),
    Reused(RefreshToken, Box<Session>),
}

fn find(
    connection: &mut AnyConnection,
    token: RefreshToken,
    purpose: Use,
    lifetimes: &Lifetimes,
    times: Times,
) -> Result<Found, AuthenticationError> {
    let presented = token.secret_hash;
    let token = match purpose {
        Use::Read => token,
        Use::Rotate(_) => since_password_change(connection, token, purpose, lifetimes, times.now)?,
    };
    let password_is_changed = token.secret_hash != presented;
    let active = |connection: &mut AnyConnection, token: RefreshToken, session: Session| {
        let user = users::by_id(connection, session.user_id)?
            .ok_or(AuthenticationError::SessionEnded(EndReason::UserDeleted))?;
        let repeats_proof = purpose.repeats_proof(&token, &session);
        let session = token.own(session);
        let user = enabled(user)?;
        Ok(Found::Active(Box::new(CurrentSession {
            session,
            user,
            token,
            password_is_changed,
            repeats_proof,
            has_second_factor: false,
        })))
    };
    match token_status::load(connection, &token, lifetimes, times)? {
        TokenStatus::Current { session, .. } | TokenStatus::WithinGrace(session) => {
            active(connection, token, session)
        }
        TokenStatus::Previous(session) if purpose.may_redeliver(&session) => {
            active(connection, token, session)
        }
        // The client with the Idempotency-Key can still get its lost response. This call must not end the session:
        // otherwise a lost response followed by a request such as GET /auth/me would log the user out.
        TokenStatus::Previous(session) if may_be_redelivered(&session) => {
            Err(AuthenticationError::SupersededToken)
        }
        TokenStatus::Previous(session) | TokenStatus::Superseded(session) => {
            Ok(Found::Reused(token, session.into()))
        }
        TokenStatus::Replaced => Err(AuthenticationError::ReplacedToken),
        TokenStatus::Ended(reason) => Err(AuthenticationError::SessionEnded(reason)),
    }
}

/// The same token with the secret of its session, if the last rotation changed the password and may be repeated. Any other
/// token is returned as it is: it is worthless, and cannot end the session either.
fn since_password_change(
    connection: &mut AnyConnection,
    token: RefreshToken,
    purpose: Use,
    lifetimes: &Lifetimes,
    now: DateTime<Utc>,
) -> Result<RefreshToken, StoreError> {
    let Some(session) = sessions::by_id(connection, token.session)? else { return Ok(token) };
    let may_repeat =
        token_status::is_within_grace(&session, lifetimes, now) || purpose.may_redeliver(&session);
    if session.secret_hash == token.secret_hash
        || session.generation != token.generation.next()
        || !may_repeat
    {
        return Ok(token);
    }
    let secret = token_status::secret_since_password_change(connection, &token, &session)?;
    Ok(match secret {
        Some(secret) => token.with_secret(secret),
        None => token,
    })
}

impl Use {
    fn may_redeliver(self, session: &Session) -> bool {
        matches!(self, Self::Rotate(Some(key)) if key.may_redeliver(session))
    }

    /// Whether the last rotation was the same request, and proved a second factor: a refresh moves `rotated_at` only.
    fn repeats_proof(self, token: &RefreshToken, session: &Session) -> bool {
        self.may_redeliver(session)
            && token.generation.next() == session.generation
            && session.auth_time == session.rotated_at
            && session.amr.acr() >= Acr::Mfa
    }
}

fn enabled(user: User) -> Result<User, AuthenticationError> {
    if user.disabled_at.is_some() {
        return Err(AuthenticationError::SessionEnded(EndReason::UserDisabled));
    }
    Ok(user)
}
