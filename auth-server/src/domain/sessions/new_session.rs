//! New sessions, and who gets one. Every login, registration and link ends in [`PreparedSession::admit`]: nothing else inserts
//! a session, and before the last factor there is none.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_claims::Acr;

use crate::domain::context::{Context, Lifetimes};
use crate::domain::factors::{Challenge, ChallengeKind};
use crate::domain::keys::UnusableKey;
use crate::domain::operation::Transaction;
use crate::domain::passwords::remember_origin;
use crate::domain::sessions::logout;
use crate::domain::tokens::{IssuedTokens, RefreshToken, SessionSecret};
use crate::model::{
    Amr, ClientInfo, Delivery, DeviceToken, EventType, Generation, Mfa, Session, SessionId, TokenTransport,
    User, UserId,
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
    mfa: Mfa,
    can_send_mail: bool,
}

/// What a person gets who passed the first factor.
#[must_use]
pub enum Admission {
    Session(Box<PreparedSession>),
    Challenge(Box<Challenge>),
}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// The second factor completes the login.
    #[error("a second factor is required")]
    Challenged(Box<Challenge>),
    #[error(transparent)]
    Signing(#[from] UnusableKey),
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
            mfa: context.policy.mfa,
            can_send_mail: context.mailer.is_some(),
        }
    }
}

impl PreparedSession {
    /// Whether this user gets the session now, and not a challenge.
    pub fn is_enough_for(&self, user: &User) -> bool {
        self.session.amr.acr() >= Acr::Mfa || !self.mfa.requires_factor_of(user)
    }

    /// Inserts the session, or starts a challenge for the second factor. The transaction must have locked or inserted the user's
    /// row, and `user` is what it contains.
    pub fn admit(
        self,
        tx: &mut Transaction<'_>,
        user: &User,
        event: EventType,
    ) -> Result<Admission, StoreError> {
        if self.is_enough_for(user) {
            self.insert(tx, event)?;
            return Ok(Admission::Session(self.into()));
        }
        if event == EventType::Registered {
            tx.audit.record(tx.audit.event(event).of_user(user.id));
        }
        let challenge = Challenge::start(tx, user, &self.session.amr, self.enrolment(user, event))?;
        Ok(Admission::Challenge(challenge.into()))
    }

    /// How a user without a second factor gets one. A link in a mail has just opened a registration or an invitation.
    fn enrolment(&self, user: &User, event: EventType) -> ChallengeKind {
        if self.can_send_mail && event == EventType::LoginSucceeded && user.email_verified_at.is_some() {
            ChallengeKind::EnrolmentWithMailedCode
        } else {
            ChallengeKind::Enrolment
        }
    }

    /// Inserts the session, remembers where the login came from, and ends the superseded sessions and those beyond the limit.
    fn insert(&self, tx: &mut Transaction<'_>, event: EventType) -> Result<(), StoreError> {
        let (session, user) = (self.session.id, self.session.user_id);
        remember_origin(tx.connection, user, &self.client, tx.now)?;
        sessions::insert(tx.connection, &self.session)?;
        let opened = tx.audit.event(event).of_session(session).of_user(user);
        let is_login = event == EventType::LoginSucceeded;
        tx.audit.record(if is_login { opened.with("amr", self.session.amr.methods()) } else { opened });
        logout::end_by_tokens(tx, &self.superseded, &self.lifetimes)?;
        logout::end_excess(tx, user, session, self.max_sessions)
    }

    fn issue(self, context: &Context, user: User, audience: &str) -> Result<IssuedTokens, UnusableKey> {
        let issued = context.issue_tokens(user, self.session, &self.secret, audience)?;
        Ok(IssuedTokens { device: self.client.device, ..issued })
    }
}

impl Admission {
    /// Signs the tokens. Call it after the commit.
    pub fn issue(self, context: &Context, user: User, audience: &str) -> Result<IssuedTokens, NotAdmitted> {
        match self {
            Self::Session(session) => Ok(session.issue(context, user, audience)?),
            Self::Challenge(challenge) => {
                Err(NotAdmitted::Challenged(challenge.with_passkey_options(context).into()))
            }
        }
    }
}

impl NotAdmitted {
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Challenged(challenge) => match challenge.kind {
                ChallengeKind::Factor => "mfa_required",
                ChallengeKind::Enrolment | ChallengeKind::EnrolmentWithMailedCode => "mfa_enrolment_required",
            },
            Self::Signing(_) => "unavailable",
        }
    }
}
