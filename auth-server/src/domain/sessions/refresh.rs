//! Refresh: exchanges a refresh token for the next token pair.
//!
//! One guarded UPDATE decides every race. A request that loses it reads the row to find out why. Only a row that was read
//! can end a session: an unreachable database never does.

use secrecy::SecretString;
use shared_claims::TokenError;

use crate::domain::context::{Context, Lifetimes};
use crate::domain::keys::UnusableKey;
use crate::domain::operation::Transaction;
use crate::domain::sessions::token_status::{self, TokenStatus};
use crate::domain::tokens::{IssuedTokens, RefreshToken};
use crate::fail_points;
use crate::model::{ClientInfo, EndReason, EventType, Session, TokenTransport, User, sha256};
use crate::store::sessions::{self, Guard, RotateParams};
use crate::store::{StoreError, users};

/// How often the successor of one rotation is issued again after the grace period.
///
/// Enough for a bad connection, and too few for a thief to stay: each redelivery leaves thief and owner with the same
/// successor, and the second of them to use it ends the session.
const MAX_REDELIVERIES: i32 = 5;

pub struct RefreshRequest {
    pub token: SecretString,
    pub transport: TokenTransport,
    /// With the same key, a client whose response was lost can repeat the request.
    pub idempotency_key: Option<IdempotencyKey>,
    pub audience: Option<String>,
    pub client: ClientInfo,
}

/// SHA-256 of an `Idempotency-Key`.
#[derive(Clone, Copy)]
pub struct IdempotencyKey([u8; 32]);

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The session has ended or expired, or is unknown.
    #[error("the session has ended: {0}")]
    SessionEnded(EndReason),
    /// The token came in a cookie instead of the body, or the reverse. Nothing was changed.
    #[error("the token was not sent the way the session's token_delivery requires")]
    WrongDelivery,
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// Other requests changed the row before each of two attempts.
    #[error("concurrent update of the session, giving up after one retry")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

impl IdempotencyKey {
    /// Only the hash is kept.
    pub fn hash(key: &str) -> Self {
        Self(sha256(key.as_bytes()))
    }
}

/// Whether a client with the Idempotency-Key of the last rotation can still get its successor.
pub fn may_be_redelivered(session: &Session) -> bool {
    session.idempotency_key_hash.is_some() && session.redeliveries < MAX_REDELIVERIES
}

/// Rotates the session and issues the next token pair, or issues the same successor again for a racing tab or a lost
/// response.
pub async fn refresh(context: &Context, request: RefreshRequest) -> Result<IssuedTokens, RefreshError> {
    let outcome = rotate_and_issue(context, &request).await;
    context.metrics.refreshes.count(match &outcome {
        Ok((_, grant)) => grant.metric_label(),
        Err(error) => error.metric_label(),
    });
    outcome.map(|(issued, _)| issued)
}

async fn rotate_and_issue(
    context: &Context,
    request: &RefreshRequest,
) -> Result<(IssuedTokens, Grant), RefreshError> {
    let audience =
        context.policy.audience(request.audience.as_deref()).ok_or(RefreshError::UnknownAudience)?;
    let token = context
        .refresh_tokens
        .read(&request.token)
        .map_err(|error| RefreshError::SessionEnded(end_reason(&error)))?;
    let operation = context.operation(&request.client);
    let rotation = Rotation {
        params: RotateParams {
            id: token.session,
            generation: token.generation,
            secret_hash: token.secret_hash,
            younger_than_idle_limit: token_status::is_younger_than_idle_limit(
                &token,
                &context.lifetimes,
                operation.now,
            ),
            transport: request.transport,
            idempotency_key_hash: request.idempotency_key.map(|key| key.0),
            ip: request.client.address(),
            user_agent: request.client.user_agent.clone(),
            now: operation.now,
            idle_expires_at: operation.now + context.lifetimes.idle,
        },
        token: token.clone(),
        lifetimes: context.lifetimes,
    };
    let outcome = operation.transaction(move |tx| rotation.run(tx)).await?;
    fail_points::stop_at("refresh-committed");
    match outcome {
        Outcome::Granted { session, user, grant } => {
            Ok((context.issue_tokens(*user, *session, token.secret(), audience)?, grant))
        }
        Outcome::Ended(reason) => Err(RefreshError::SessionEnded(reason)),
        Outcome::WrongDelivery => Err(RefreshError::WrongDelivery),
        Outcome::Conflict => Err(RefreshError::Conflict),
    }
}

fn end_reason(error: &TokenError) -> EndReason {
    log::debug!("refresh token rejected: {error}");
    if matches!(error, TokenError::Expired) { EndReason::Expired } else { EndReason::Unknown }
}

/// What the transaction found and did. All outcomes are committed.
enum Outcome {
    Granted { session: Box<Session>, user: Box<User>, grant: Grant },
    Ended(EndReason),
    WrongDelivery,
    Conflict,
}

/// Why a token pair is issued.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    Rotated,
    /// The token was ahead of its row.
    Restored,
    RedeliveredInGrace,
    RedeliveredByKey,
}

struct Rotation {
    token: RefreshToken,
    params: RotateParams,
    lifetimes: Lifetimes,
}

impl Rotation {
    fn run(&self, tx: &mut Transaction<'_>) -> Result<Outcome, StoreError> {
        if let Some(session) = sessions::rotate(tx.connection, &self.params, Guard::Exact)? {
            return grant_tokens(tx, session, Grant::Rotated);
        }
        let (session, row_is_behind) = match self.load(tx)? {
            TokenStatus::Current { session, row_is_behind } => (session, row_is_behind),
            status => return self.redeliver_or_reject(tx, status),
        };
        if session.delivery.transport() != self.params.transport {
            return Ok(Outcome::WrongDelivery);
        }
        // Either the row is behind the token, or it changed between the two statements.
        if let Some(session) = sessions::rotate(tx.connection, &self.params, Guard::ExactOrOlder)? {
            let grant = if row_is_behind { Grant::Restored } else { Grant::Rotated };
            return grant_tokens(tx, session, grant);
        }
        let status = self.load(tx)?;
        self.redeliver_or_reject(tx, status)
    }

    fn load(&self, tx: &mut Transaction<'_>) -> Result<TokenStatus, StoreError> {
        token_status::load(tx.connection, &self.token, &self.lifetimes, tx.now)
    }

    fn redeliver_or_reject(
        &self,
        tx: &mut Transaction<'_>,
        status: TokenStatus,
    ) -> Result<Outcome, StoreError> {
        let (session, grant) = match status {
            TokenStatus::Ended(reason) => return Ok(Outcome::Ended(reason)),
            TokenStatus::Current { .. } => return Ok(Outcome::Conflict),
            TokenStatus::Superseded(session) => return self.end_reused(tx, &session),
            TokenStatus::Previous(session) if !self.has_key_of(&session) => {
                return self.end_reused(tx, &session);
            }
            TokenStatus::Previous(session) => (session, Grant::RedeliveredByKey),
            TokenStatus::WithinGrace(session) => (session, Grant::RedeliveredInGrace),
        };
        if session.delivery.transport() != self.params.transport {
            return Ok(Outcome::WrongDelivery);
        }
        if grant == Grant::RedeliveredByKey
            && !sessions::count_redelivery(tx.connection, &session, MAX_REDELIVERIES)?
        {
            return self.end_reused(tx, &session);
        }
        grant_tokens(tx, session, grant)
    }

    /// A missing key never matches a missing key.
    fn has_key_of(&self, session: &Session) -> bool {
        self.params.idempotency_key_hash.is_some()
            && self.params.idempotency_key_hash == session.idempotency_key_hash
    }

    fn end_reused(&self, tx: &mut Transaction<'_>, session: &Session) -> Result<Outcome, StoreError> {
        let reason = token_status::end_reused(tx, &self.token, session, &self.lifetimes)?;
        Ok(reason.map_or(Outcome::Conflict, Outcome::Ended))
    }
}

/// Grants tokens to an enabled user. Disabling a user ends their sessions; one that is left over ends here.
fn grant_tokens(tx: &mut Transaction<'_>, session: Session, grant: Grant) -> Result<Outcome, StoreError> {
    let Some(user) = users::by_id(tx.connection, session.user_id)? else {
        return Ok(Outcome::Ended(EndReason::UserDeleted));
    };
    if user.disabled_at.is_some() {
        let reason = EndReason::UserDisabled;
        if sessions::end(tx.connection, session.id, reason, tx.now)? {
            tx.audit.record_ended([session.id], user.id, reason);
        }
        return Ok(Outcome::Ended(reason));
    }
    match grant {
        Grant::Restored => {
            tx.audit.record_session_event(EventType::GenerationRestored, session.id, user.id);
        }
        Grant::RedeliveredByKey => {
            tx.audit.record_session_event(EventType::RefreshRedelivered, session.id, user.id);
        }
        Grant::Rotated | Grant::RedeliveredInGrace => {}
    }
    Ok(Outcome::Granted { session: session.into(), user: user.into(), grant })
}

impl Grant {
    fn metric_label(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Restored => "restored",
            Self::RedeliveredInGrace => "redelivered_in_grace",
            Self::RedeliveredByKey => "redelivered_by_key",
        }
    }
}

impl RefreshError {
    fn metric_label(&self) -> &'static str {
        match self {
            Self::SessionEnded(reason) => reason.as_str(),
            Self::WrongDelivery | Self::UnknownAudience => "malformed",
            Self::Conflict | Self::Store(_) | Self::Signing(_) => "unavailable",
        }
    }
}
