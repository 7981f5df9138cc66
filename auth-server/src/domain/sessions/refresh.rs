//! Refresh: spends a refresh token and hands out the next pair.
//!
//! One guarded UPDATE decides every race. Whoever does not win it learns from the row why, and only a row that was
//! read can end a session: an unreachable database never does.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_claims::TokenError;

use crate::domain::audit::AuditLog;
use crate::domain::context::{Context, Lifetimes};
use crate::domain::keys::UnusableKey;
use crate::domain::sessions::token_status::{TokenStatus, classify, missing_reason, younger_than_idle_limit};
use crate::domain::tokens::{self, IssuedTokens, RefreshToken};
use crate::fail_points;
use crate::model::{ClientInfo, EndReason, EventType, Session, TokenTransport, User, UserId, sha256};
use crate::store::sessions::{self, Guard, RotateParams};
use crate::store::{AnyConnection, StoreError, users};

/// How often the successor of one rotation is issued again after the grace.
///
/// Enough for a bad connection; too few to live on: each redelivery leaves the thief and the owner with the same
/// successor, and whoever spends it second ends the session.
const MAX_REDELIVERIES: i32 = 5;

/// A refresh as it was asked for.
pub struct RefreshRequest {
    /// The token.
    pub token: SecretString,
    /// How it came.
    pub transport: TokenTransport,
    /// Lets the same client have an answer again that was lost on the way.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Audience of the new access token.
    pub audience: Option<String>,
    /// Who asks.
    pub requester: ClientInfo,
}

/// SHA-256 of an `Idempotency-Key`.
#[derive(Clone, Copy)]
pub struct IdempotencyKey([u8; 32]);

/// Why there is no new pair.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The session is over, or never was.
    #[error("the session is over: {0}")]
    SessionEnded(EndReason),
    /// The token came in a cookie and belongs in a body, or the reverse. Nothing was changed.
    #[error("the token came another way than its session's delivery")]
    WrongDelivery,
    /// The audience is not listed. Nothing was changed.
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// The row changed between two looks at it, twice: nothing can be said.
    #[error("the session's row did not hold still")]
    Conflict,
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pair could not be signed.
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

impl IdempotencyKey {
    /// Keeps only the hash.
    #[must_use]
    pub fn hash(key: &str) -> Self {
        Self(sha256(key.as_bytes()))
    }
}

/// Whether the successor of the last rotation can still be had, by whoever holds its Idempotency-Key.
pub fn may_be_redelivered(session: &Session) -> bool {
    session.idempotency_key_hash.is_some() && session.redeliveries < MAX_REDELIVERIES
}

/// Spends the token: a new pair, or the same successor again for a racing tab or a lost answer.
///
/// # Errors
/// See [`RefreshError`].
pub async fn refresh(context: &Context, request: RefreshRequest) -> Result<IssuedTokens, RefreshError> {
    let audience =
        context.policy.audience(request.audience.as_deref()).ok_or(RefreshError::UnknownAudience)?;
    let token = context
        .refresh_tokens
        .read(&request.token)
        .map_err(|error| RefreshError::SessionEnded(reason(error)))?;
    let rotation = Rotation::new(context, &token, &request);
    let outcome = context
        .transaction(&request.requester, move |connection, audit| {
            let outcome = rotation.run(connection)?;
            rotation.record(&outcome, audit);
            Ok::<_, StoreError>(outcome)
        })
        .await?;
    fail_points::stop_at("refresh-committed");
    let how = outcome.name();
    match outcome {
        Outcome::Rotated { session, user, .. } | Outcome::Redelivered { session, user, .. } => {
            let issued = tokens::issue(context, *user, *session, token.secret(), audience)?;
            context.metrics.refreshes.count(how);
            Ok(issued)
        }
        Outcome::Reused { .. } => Err(RefreshError::SessionEnded(EndReason::ReuseDetected)),
        Outcome::Disabled { .. } => Err(RefreshError::SessionEnded(EndReason::UserDisabled)),
        Outcome::Over(reason) => Err(RefreshError::SessionEnded(reason)),
        Outcome::WrongDelivery => Err(RefreshError::WrongDelivery),
        Outcome::Conflict => Err(RefreshError::Conflict),
    }
}

fn reason(error: TokenError) -> EndReason {
    log::debug!("refresh token refused: {error}");
    match error {
        TokenError::Expired => EndReason::Expired,
        _ => EndReason::Unknown,
    }
}

/// What one transaction found and did; each is committed.
enum Outcome {
    Rotated { session: Box<Session>, user: Box<User>, row_was_behind: bool },
    Redelivered { session: Box<Session>, user: Box<User>, within_grace: bool },
    Reused { user: UserId },
    Disabled { user: UserId },
    Over(EndReason),
    WrongDelivery,
    Conflict,
}

impl Outcome {
    /// In the metrics, where it is a success.
    fn name(&self) -> &'static str {
        match self {
            Self::Rotated { row_was_behind: false, .. } => "rotated",
            Self::Rotated { row_was_behind: true, .. } => "restored",
            Self::Redelivered { within_grace: true, .. } => "redelivered_in_grace",
            Self::Redelivered { within_grace: false, .. } => "redelivered_by_key",
            Self::Reused { .. }
            | Self::Disabled { .. }
            | Self::Over(_)
            | Self::WrongDelivery
            | Self::Conflict => "refused",
        }
    }
}

struct Rotation {
    token: RefreshToken,
    params: RotateParams,
    lifetimes: Lifetimes,
    now: DateTime<Utc>,
}

impl Rotation {
    fn new(context: &Context, token: &RefreshToken, request: &RefreshRequest) -> Self {
        let now = context.now();
        let params = RotateParams {
            id: token.session,
            generation: token.generation,
            secret_hash: token.secret_hash,
            younger_than_idle_limit: younger_than_idle_limit(token, &context.lifetimes, now),
            transport: request.transport,
            idempotency_key_hash: request.idempotency_key.map(|key| key.0),
            ip: request.requester.address(),
            user_agent: request.requester.user_agent.clone(),
            now,
            idle_expires_at: now + context.lifetimes.idle,
        };
        Self { token: token.clone(), params, lifetimes: context.lifetimes, now }
    }

    fn run(&self, connection: &mut AnyConnection) -> Result<Outcome, StoreError> {
        if let Some(session) = sessions::rotate(connection, &self.params, Guard::Exact)? {
            return self.rotated(connection, session, false);
        }
        let (session, status) = self.reload_and_classify(connection)?;
        let TokenStatus::Current { row_is_behind } = status else {
            return self.refuse_or_redeliver(connection, session, status);
        };
        if session.is_some_and(|session| session.delivery.transport() != self.params.transport) {
            return Ok(Outcome::WrongDelivery);
        }
        // Either the row is behind what we signed, or it changed between the two statements.
        if let Some(session) = sessions::rotate(connection, &self.params, Guard::ExactOrOlder)? {
            return self.rotated(connection, session, row_is_behind);
        }
        let (session, status) = self.reload_and_classify(connection)?;
        self.refuse_or_redeliver(connection, session, status)
    }

    fn reload_and_classify(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<(Option<Session>, TokenStatus), StoreError> {
        let session = sessions::by_id(connection, self.token.session)?;
        let status = classify(&self.token, session.as_ref(), &self.lifetimes, self.now);
        Ok((session, status))
    }

    fn rotated(
        &self,
        connection: &mut AnyConnection,
        session: Session,
        row_was_behind: bool,
    ) -> Result<Outcome, StoreError> {
        Ok(match self.active_user(connection, &session)? {
            Ok(user) => Outcome::Rotated { session: session.into(), user: user.into(), row_was_behind },
            Err(refusal) => refusal,
        })
    }

    fn refuse_or_redeliver(
        &self,
        connection: &mut AnyConnection,
        session: Option<Session>,
        status: TokenStatus,
    ) -> Result<Outcome, StoreError> {
        let Some(session) = session else {
            return Ok(Outcome::Over(missing_reason(connection, &self.token)?));
        };
        let within_grace = match status {
            TokenStatus::Ended(reason) => return Ok(Outcome::Over(reason)),
            TokenStatus::Current { .. } => return Ok(Outcome::Conflict),
            TokenStatus::Superseded => return self.reused(connection, &session),
            TokenStatus::Previous if !self.has_key_of(&session) => return self.reused(connection, &session),
            TokenStatus::Previous => false,
            TokenStatus::WithinGrace => true,
        };
        if session.delivery.transport() != self.params.transport {
            return Ok(Outcome::WrongDelivery);
        }
        if !within_grace && !sessions::count_redelivery(connection, &session, MAX_REDELIVERIES)? {
            return self.reused(connection, &session);
        }
        Ok(match self.active_user(connection, &session)? {
            Ok(user) => Outcome::Redelivered { session: session.into(), user: user.into(), within_grace },
            Err(refusal) => refusal,
        })
    }

    /// An absent key never equals an absent key.
    fn has_key_of(&self, session: &Session) -> bool {
        self.params.idempotency_key_hash.is_some()
            && self.params.idempotency_key_hash == session.idempotency_key_hash
    }

    fn reused(&self, connection: &mut AnyConnection, session: &Session) -> Result<Outcome, StoreError> {
        if sessions::end_reused(connection, session.id, self.token.generation, self.now)? {
            return Ok(Outcome::Reused { user: session.user_id });
        }
        // It ended in between, of something else perhaps: then this is no news of a theft.
        let (_, status) = self.reload_and_classify(connection)?;
        Ok(match status {
            TokenStatus::Ended(reason) => Outcome::Over(reason),
            _ => Outcome::Conflict,
        })
    }

    /// Whose session it is. Disabling a person ends their sessions; should one have been left over, it ends here.
    fn active_user(
        &self,
        connection: &mut AnyConnection,
        session: &Session,
    ) -> Result<Result<User, Outcome>, StoreError> {
        let Some(user) = users::by_id(connection, session.user_id)? else {
            return Ok(Err(Outcome::Over(EndReason::UserDeleted)));
        };
        if user.disabled_at.is_none() {
            return Ok(Ok(user));
        }
        let ends_here = sessions::end(connection, session.id, EndReason::UserDisabled, self.now)?;
        let over = Outcome::Over(EndReason::UserDisabled);
        Ok(Err(if ends_here { Outcome::Disabled { user: user.id } } else { over }))
    }

    fn record(&self, outcome: &Outcome, audit: &mut AuditLog) {
        let session = self.token.session;
        match outcome {
            Outcome::Rotated { user, row_was_behind: true, .. } => {
                audit.record_session_event(EventType::GenerationRestored, session, user.id);
            }
            Outcome::Redelivered { user, within_grace: false, .. } => {
                audit.record_session_event(EventType::RefreshRedelivered, session, user.id);
            }
            Outcome::Reused { user } => audit.record_reuse(session, *user),
            Outcome::Disabled { user } => audit.record_ended([session], *user, EndReason::UserDisabled),
            Outcome::Rotated { .. }
            | Outcome::Redelivered { .. }
            | Outcome::Over(_)
            | Outcome::WrongDelivery
            | Outcome::Conflict => {}
        }
    }
}
