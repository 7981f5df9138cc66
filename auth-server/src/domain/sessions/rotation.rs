//! Rotation: the next refresh token of a session, for a refresh, a reauthentication and a new password.
//!
//! One guarded UPDATE decides every race. A request that loses it reads the row to find out why. Only a row that was read
//! can end a session: an unreachable database never does.

use std::sync::Arc;

use crate::domain::context::{Context, Lifetimes};
use crate::domain::keys::UnusableKey;
use crate::domain::operation::{Operation, Transaction};
use crate::domain::sessions::token_status::{self, Times, TokenStatus};
use crate::domain::tokens::{IssuedTokens, RefreshToken, SessionSecret};
use crate::domain::user_limits::UserLimits;
use crate::model::{Amr, EndReason, EventType, Session, TokenTransport, User, sha256};
use crate::store::sessions::{self, Guard, RotateParams};
use crate::store::{Database, StoreError, users};

/// How often the successor of one rotation is issued again after the grace period.
///
/// Enough for a bad connection, and too few for a thief to stay: each redelivery leaves thief and owner with the same
/// successor, and the second of them to use it ends the session.
const MAX_REDELIVERIES: i32 = 5;

/// SHA-256 of an `Idempotency-Key`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey([u8; 32]);

/// How a request that rotates a session presents its token.
#[derive(Clone, Copy)]
pub struct Presentation {
    pub transport: TokenTransport,
    /// With the same key, a client whose response was lost can repeat the request.
    pub idempotency_key: Option<IdempotencyKey>,
}

#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The session has ended or expired, or is unknown.
    #[error("the session has ended: {0}")]
    SessionEnded(EndReason),
    /// The token came in a cookie instead of the body, or the reverse. Nothing was changed.
    #[error("the token was not sent the way the session's token_delivery requires")]
    WrongDelivery,
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// The clock of the server that issued the token is ahead of this one's.
    #[error("the refresh token was issued in the future")]
    FromTheFuture,
    /// Another request of the user replaced the token a moment ago.
    #[error("a new password replaced the refresh token within the grace period")]
    Replaced,
    /// The token is superseded, but that proves no theft.
    #[error("the request arrived before the last rotation of the session")]
    Delayed,
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

    /// Whether the session's last rotation had this key, and its successor may be issued once more.
    pub fn may_redeliver(self, session: &Session) -> bool {
        session.idempotency_key_hash == Some(self.0) && may_be_redelivered(session)
    }
}

/// Whether a client with the Idempotency-Key of the last rotation can still get its successor.
pub fn may_be_redelivered(session: &Session) -> bool {
    session.idempotency_key_hash.is_some() && session.redeliveries < MAX_REDELIVERIES
}

/// What the transaction found and did. All outcomes are to be committed.
pub enum Outcome {
    Granted(Box<Granted>),
    Rejected(RotationError),
}

/// A session, to issue its tokens after the commit.
pub struct Granted {
    pub session: Session,
    pub user: User,
    pub grant: Grant,
    secret: SessionSecret,
}

/// Why a token pair is issued.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    Rotated,
    /// The token was ahead of its row.
    Restored,
    RedeliveredInGrace,
    RedeliveredByKey,
}

/// One rotation, as part of a transaction.
#[derive(Clone)]
pub struct Rotation {
    token: RefreshToken,
    params: RotateParams,
    lifetimes: Lifetimes,
    user_limits: Arc<UserLimits>,
    times: Times,
    /// Of the tokens to issue: the token's own, or a new one.
    secret: SessionSecret,
}

impl Rotation {
    pub fn new(
        context: &Context,
        operation: &Operation<'_>,
        token: RefreshToken,
        presentation: Presentation,
    ) -> Self {
        let (now, lifetimes) = (operation.now, context.lifetimes);
        let params = RotateParams {
            id: token.session,
            generation: token.generation,
            secret_hash: token.secret_hash,
            younger_than_idle_limit: token_status::is_younger_than_idle_limit(&token, &lifetimes, now),
            transport: presentation.transport,
            idempotency_key_hash: presentation.idempotency_key.map(|key| key.0),
            authenticated: None,
            new_secret_hash: None,
            ip: operation.client.address(),
            user_agent: operation.client.user_agent.clone(),
            now,
            idle_expires_at: now + lifetimes.idle,
        };
        let user_limits = Arc::clone(&context.user_limits);
        Self {
            secret: token.secret().clone(),
            token,
            params,
            lifetimes,
            user_limits,
            times: Times::of(operation),
        }
    }

    /// The request proved who the user is: its tokens are as fresh as that, and say how.
    pub fn authenticated(mut self, amr: Amr) -> Self {
        self.params.authenticated = Some((self.params.now, amr));
        self
    }

    /// Gives the session a new secret, so that earlier tokens become invalid.
    pub fn with_secret(mut self, secret: SessionSecret) -> Self {
        self.params.new_secret_hash = Some(secret.hash());
        self.secret = secret;
        self
    }

    /// The normal rotation, together with those of other requests and without a transaction of its own. `None` if nothing was
    /// written: call [`Rotation::run`].
    pub async fn run_in_batch(&self, database: &Database) -> Result<Option<Outcome>, StoreError> {
        let rotated = database.rotate(&self.params).await?;
        Ok(rotated.map(|(session, user)| self.granted(session, user, Grant::Rotated)))
    }

    pub fn run(&self, tx: &mut Transaction<'_>) -> Result<Outcome, StoreError> {
        if let Some(session) = sessions::rotate(tx.connection, &self.params, Guard::Exact)? {
            return self.grant(tx, session, Grant::Rotated);
        }
        let (session, row_is_behind) = match self.load(tx)? {
            TokenStatus::Current { session, row_is_behind } => (session, row_is_behind),
            status => return self.redeliver_or_reject(tx, status),
        };
        if session.delivery.transport() != self.params.transport {
            return Ok(Outcome::Rejected(RotationError::WrongDelivery));
        }
        // Either the row is behind the token, or it changed between the two statements.
        if let Some(session) = sessions::rotate(tx.connection, &self.params, Guard::ExactOrOlder)? {
            let grant = if row_is_behind { Grant::Restored } else { Grant::Rotated };
            return self.grant(tx, session, grant);
        }
        let status = self.load(tx)?;
        self.redeliver_or_reject(tx, status)
    }

    fn load(&self, tx: &mut Transaction<'_>) -> Result<TokenStatus, StoreError> {
        token_status::load(tx.connection, &self.token, &self.lifetimes, self.times)
    }

    fn redeliver_or_reject(
        &self,
        tx: &mut Transaction<'_>,
        status: TokenStatus,
    ) -> Result<Outcome, StoreError> {
        let (session, grant) = match status {
            TokenStatus::Ended(reason) => return Ok(Outcome::ended(reason)),
            TokenStatus::Replaced => return Ok(Outcome::Rejected(RotationError::Replaced)),
            TokenStatus::Current { .. } => return Ok(Outcome::Rejected(RotationError::Conflict)),
            TokenStatus::Superseded(session) => return self.end_reused(tx, &session),
            TokenStatus::Previous(session) if !self.has_key_of(&session) => {
                return self.end_reused(tx, &session);
            }
            TokenStatus::Previous(session) => (session, Grant::RedeliveredByKey),
            TokenStatus::WithinGrace(session) => (session, Grant::RedeliveredInGrace),
        };
        if session.delivery.transport() != self.params.transport {
            return Ok(Outcome::Rejected(RotationError::WrongDelivery));
        }
        if self.params.new_secret_hash.is_some() {
            return self.rotate_successor(tx, &session);
        }
        if grant == Grant::RedeliveredByKey
            && !sessions::count_redelivery(tx.connection, &session, MAX_REDELIVERIES)?
        {
            return self.end_reused(tx, &session);
        }
        if let Some((at, amr)) = &self.params.authenticated {
            sessions::record_authentication(tx.connection, session.id, *at, amr)?;
        }
        self.grant(tx, session, grant)
    }

    /// A refresh won the race against a request that changes the secret. Issuing its successor again would keep the old
    /// secret in the row, so this request rotates once more.
    fn rotate_successor(&self, tx: &mut Transaction<'_>, session: &Session) -> Result<Outcome, StoreError> {
        let params = RotateParams { generation: session.generation, ..self.params.clone() };
        match sessions::rotate(tx.connection, &params, Guard::Exact)? {
            Some(session) => self.grant(tx, session, Grant::Rotated),
            None => Ok(Outcome::Rejected(RotationError::Conflict)),
        }
    }

    /// A missing key never matches a missing key.
    fn has_key_of(&self, session: &Session) -> bool {
        self.params.idempotency_key_hash.is_some()
            && self.params.idempotency_key_hash == session.idempotency_key_hash
    }

    fn end_reused(&self, tx: &mut Transaction<'_>, session: &Session) -> Result<Outcome, StoreError> {
        let reason = token_status::end_reused(tx, &self.token, session, &self.lifetimes, self.times)?;
        Ok(reason.map_or(Outcome::Rejected(RotationError::Delayed), Outcome::ended))
    }

    /// Grants tokens to an enabled user. Disabling a user ends their sessions; one that is left over ends here.
    fn grant(&self, tx: &mut Transaction<'_>, session: Session, grant: Grant) -> Result<Outcome, StoreError> {
        let Some(user) = users::by_id(tx.connection, session.user_id)? else {
            return Ok(Outcome::ended(EndReason::UserDeleted));
        };
        if user.disabled_at.is_some() {
            let reason = EndReason::UserDisabled;
            if sessions::end(tx.connection, session.id, reason, tx.now)? {
                tx.audit.record_ended([session.id], user.id, reason);
            }
            return Ok(Outcome::ended(reason));
        }
        match grant {
            Grant::Restored => {
                tx.audit.record_session_event(EventType::GenerationRestored, session.id, user.id);
            }
            Grant::RedeliveredByKey if self.user_limits.count_redelivery(user.id).is_err() => {}
            Grant::RedeliveredByKey => {
                tx.audit.record_session_event(EventType::RefreshRedelivered, session.id, user.id);
            }
            Grant::Rotated | Grant::RedeliveredInGrace => {}
        }
        Ok(self.granted(session, user, grant))
    }

    fn granted(&self, session: Session, user: User, grant: Grant) -> Outcome {
        let session = self.own(session);
        Outcome::Granted(Box::new(Granted { session, user, grant, secret: self.secret.clone() }))
    }

    /// A request without a proof gets the time and the methods of the token that it presents, and never those of the row: a
    /// copy of the token would otherwise become fresh and strong when the owner gives a proof.
    fn own(&self, session: Session) -> Session {
        let own = self.token.own(session);
        match &self.params.authenticated {
            Some((at, amr)) => Session { auth_time: *at, amr: amr.clone(), ..own },
            None => own,
        }
    }
}

impl Outcome {
    fn ended(reason: EndReason) -> Self {
        Self::Rejected(RotationError::SessionEnded(reason))
    }

    pub fn granted(self) -> Result<Box<Granted>, RotationError> {
        match self {
            Self::Granted(granted) => Ok(granted),
            Self::Rejected(error) => Err(error),
        }
    }
}

impl Granted {
    /// Reads the user again, after the transaction has changed them.
    pub fn reload_user(&mut self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        if let Some(user) = users::by_id(tx.connection, self.user.id)? {
            self.user = user;
        }
        Ok(())
    }

    /// Signs the tokens. Call it after the commit.
    pub fn issue(self, context: &Context, audience: &str) -> Result<IssuedTokens, UnusableKey> {
        context.issue_tokens(self.user, self.session, &self.secret, audience)
    }
}
