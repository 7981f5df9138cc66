//! What every use case works with: one [`Context`] for the whole server, shared by its workers.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::{Acr, Clock};

use crate::domain::event_listeners::EventListeners;
use crate::domain::keys::{KeyEncryption, KeyRing, UnusableKey};
use crate::domain::mail::{Languages, Mailer};
use crate::domain::notices::Notices;
use crate::domain::operation::Operation;
use crate::domain::passkeys::Passkeys;
use crate::domain::passwords::{KeyedSemaphore, PasswordHasher, Throttle};
use crate::domain::revocation_feed::RevocationFeed;
use crate::domain::servers::ThisServer;
use crate::domain::tokens::{
    AccessTokens, IssuedTokens, ProofTokens, RefreshTokens, SessionSecret, SetupTokens,
};
use crate::domain::user_limits::UserLimits;
use crate::metrics::Metrics;
use crate::model::{ClientInfo, EmailVerification, Locale, Mfa, Role, Session, User};
use crate::store::{Database, StoreError};

/// The parts of a running server.
pub struct Context {
    /// The time; tests move it.
    pub clock: Arc<dyn Clock>,
    pub database: Database,
    /// Hashes and checks passwords on its own threads.
    pub hasher: PasswordHasher,
    /// Limits wrong passwords.
    pub throttle: Throttle,
    /// Limits logins and changes of each user.
    pub user_limits: Arc<UserLimits>,
    /// Reports revocations to resource servers.
    pub feed: RevocationFeed,
    pub keys: Arc<KeyRing>,
    pub access_tokens: AccessTokens,
    pub refresh_tokens: RefreshTokens,
    /// Tokens and codes of mailed links.
    pub proof_tokens: Arc<ProofTokens>,
    /// Of the secrets of authenticator apps. `None` without `KEY_ENCRYPTION_SECRET`, which second factors require.
    pub totp_encryption: Option<KeyEncryption>,
    /// Passkeys and security keys. `None` with `MFA=off`, without `KEY_ENCRYPTION_SECRET`, or if the issuer is an IP address.
    pub passkeys: Option<Arc<Passkeys>>,
    /// Token of the link that creates the first administrator.
    pub setup_tokens: SetupTokens,
    /// Requests for mails to the same address run one at a time.
    pub mail_requests: KeyedSemaphore,
    /// Limits the requests that wait for events.
    pub event_listeners: EventListeners,
    /// `None` if the server sends no mails.
    pub mailer: Option<Mailer>,
    /// `None` if the server sends no mails.
    pub notices: Option<Arc<Notices>>,
    /// The languages of mails. Users can choose one even while the server sends no mail.
    pub languages: Languages,
    pub metrics: Metrics,
    /// The description of this server for administrators.
    pub this_server: ThisServer,
    pub lifetimes: Lifetimes,
    pub policy: Policy,
}

#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// A session without a refresh. Every refresh extends it.
    pub idle: TimeDelta,
    /// A session in all. Nothing extends it.
    pub session: TimeDelta,
    /// After a rotation the previous token gets the same successor for this long, any number of times, so that racing
    /// tabs end up with the same session. A thief of that token gains from it only within this window.
    pub reuse_grace: TimeDelta,
    /// An event in the audit log.
    pub event: TimeDelta,
}

/// Names and switches from the settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `iss` of every token, and the origin of this server's own pages.
    pub issuer: String,
    /// Audiences that a client may request. The first is the default. Never empty.
    pub audiences: Vec<String>,
    /// `client_id` of every token.
    pub client_id: String,
    /// Whether `POST /auth/register` is enabled.
    pub registration_open: bool,
    pub email_verification: EmailVerification,
    pub mfa: Mfa,
    /// Roles that a session has only after a second factor.
    pub mfa_required_roles: Vec<Role>,
    /// The name of this service in authenticator apps.
    pub mfa_issuer: String,
    /// A login beyond this number of active sessions ends the least recently used one.
    pub max_sessions: u32,
}

impl Context {
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Whether this server sends mails.
    pub fn mail_is_on(&self) -> bool {
        self.mailer.is_some()
    }

    /// The language of mails to a user who has not chosen one.
    pub fn locale(&self, accept_language: Option<&str>) -> Locale {
        self.languages.negotiate(accept_language)
    }

    /// A change that `client` requests now.
    pub fn operation(&self, client: &ClientInfo) -> Operation<'_> {
        Operation::new(&self.database, client.clone(), self.now())
            .with_feed(&self.feed)
            .with_notices(self.notices.clone())
    }

    /// Signs a token pair for the session's current generation.
    pub fn issue_tokens(
        &self,
        user: User,
        session: Session,
        secret: &SessionSecret,
        audience: &str,
    ) -> Result<IssuedTokens, UnusableKey> {
        let now = self.now();
        let withheld_roles = self.policy.withheld_roles(&user, session.amr.acr());
        Ok(IssuedTokens {
            access_token: self.access_tokens.issue(
                &user,
                &withheld_roles,
                &session,
                secret,
                audience,
                now,
            )?,
            refresh_token: self.refresh_tokens.issue(&session, secret, now)?,
            withheld_roles,
            session,
            user,
            device: None,
        })
    }

    /// Checks that the database can serve. Returns how far this server's clock is ahead of the database's, or `None` for
    /// SQLite, which uses the same clock.
    pub async fn check_database(&self) -> Result<Option<TimeDelta>, StoreError> {
        let ahead = self.database.check().await?.map(|time| self.now() - time);
        self.metrics.clock_difference.set(ahead.unwrap_or_default().as_seconds_f64());
        Ok(ahead)
    }
}

impl Policy {
    /// Whether the user gets no session before they prove their address.
    pub fn requires_proof_of_email(&self, user: &User) -> bool {
        self.email_verification == EmailVerification::Required && user.email_verified_at.is_none()
    }

    /// The roles of the user that a session of this strength does not have.
    pub fn withheld_roles(&self, user: &User, acr: Acr) -> Vec<Role> {
        if self.mfa == Mfa::Off || acr >= Acr::Mfa {
            return Vec::new();
        }
        user.roles.iter().filter(|role| self.mfa_required_roles.contains(role)).cloned().collect()
    }

    /// The requested audience if it is listed, or the default if none was requested.
    pub fn audience<'a>(&'a self, requested: Option<&str>) -> Option<&'a str> {
        match requested {
            None => self.audiences.first().map(String::as_str),
            Some(requested) => self.audiences.iter().map(String::as_str).find(|listed| *listed == requested),
        }
    }
}
