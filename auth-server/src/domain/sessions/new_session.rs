//! New sessions. Every login, registration and link starts its session here: nothing else inserts one.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::domain::context::{Context, Lifetimes};
use crate::domain::keys::UnusableKey;
use crate::domain::operation::Transaction;
use crate::domain::passwords::remember_origin;
use crate::domain::sessions::logout;
use crate::domain::tokens::{IssuedTokens, RefreshToken, SessionSecret};
use crate::model::{
    Amr, ClientInfo, Delivery, DeviceToken, EventType, Generation, Session, SessionId, TokenTransport, User,
    UserId,
};
use crate::store::{StoreError, sessions};

/// The session that a client requests.
pub struct NewSession {
    pub delivery: Delivery,
    /// Whether the refresh cookie outlives the browser.
    pub remember: bool,
    pub audience: Option<String>,
    pub client: ClientInfo,
    /// Refresh tokens in the same request: their sessions end with this login.
    pub superseded: Vec<SecretString>,
}

/// A session that is not in the database yet.
#[derive(Clone)]
pub struct PreparedSession {
    session: Session,
    secret: SessionSecret,
    client: ClientInfo,
    superseded: Vec<RefreshToken>,
    max_sessions: i64,
    lifetimes: Lifetimes,
}

impl NewSession {
    /// `amr`: how the user logged in. `device_is_known`: an earlier login of this user set the device token that the client
    /// sent. Any other one may have been planted, so the client gets a new one.
    pub fn prepare(
        self,
        context: &Context,
        user: UserId,
        amr: Amr,
        device_is_known: bool,
        now: DateTime<Utc>,
    ) -> PreparedSession {
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
            delivery: self.delivery,
            remember: self.remember,
            auth_time: now,
            amr,
            created_at: now,
            idle_expires_at: now + context.lifetimes.idle,
            expires_at: now + context.lifetimes.session,
            ended: None,
            ip: self.client.address(),
            user_agent: self.client.user_agent.clone(),
        };
        // Only browsers keep a device token, in a cookie.
        let is_browser = self.delivery.transport() == TokenTransport::Cookie;
        let known = self.client.device.clone().filter(|_| device_is_known);
        let device = is_browser.then(|| known.unwrap_or_else(DeviceToken::random));
        let client = ClientInfo { device, ..self.client };
        let superseded = self.superseded.iter().filter_map(|token| context.refresh_tokens.read(token).ok());
        PreparedSession {
            session,
            secret,
            client,
            superseded: superseded.collect(),
            max_sessions: context.policy.max_sessions.into(),
            lifetimes: context.lifetimes,
        }
    }
}

impl PreparedSession {
    /// Inserts the session, remembers where the login came from, and ends the superseded sessions and those beyond the
    /// limit. The transaction must have locked or inserted the user's row.
    pub fn insert(&self, tx: &mut Transaction<'_>, event: EventType) -> Result<(), StoreError> {
        let (session, user) = (self.session.id, self.session.user_id);
        remember_origin(tx.connection, user, &self.client, tx.now)?;
        sessions::insert(tx.connection, &self.session)?;
        tx.audit.record_session_event(event, session, user);
        logout::end_by_tokens(tx, &self.superseded, &self.lifetimes)?;
        logout::end_excess(tx, user, session, self.max_sessions)
    }

    pub fn issue(self, context: &Context, user: User, audience: &str) -> Result<IssuedTokens, UnusableKey> {
        let issued = context.issue_tokens(user, self.session, &self.secret, audience)?;
        Ok(IssuedTokens { device: self.client.device, ..issued })
    }
}
