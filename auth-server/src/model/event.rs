use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::{ClientInfo, ImpossibleValue, SessionId, UserId};

/// The detail with the [`Actor`](crate::model::Actor).
const BY: &str = "by";

/// Types of events in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// Also for users that an operator created or imported.
    Registered,
    LoginSucceeded,
    LoginFailed,
    Reauthenticated,
    /// Wrong password in a request with a session.
    ReauthenticationFailed,
    /// The details have the `reason`.
    SessionEnded,
    /// A superseded refresh token was used, and the session ended.
    ReuseDetected,
    /// A used refresh token and its Idempotency-Key were sent again, and the same successor was returned.
    RefreshRedelivered,
    /// A refresh token was newer than its row, because the database was restored or failed over.
    GenerationRestored,
    /// By the user or an operator.
    PasswordChanged,
    NamesChanged,
    RolesChanged,
    ClaimsChanged,
    UserDisabled,
    UserEnabled,
    UserDeleted,
    /// With a mailed link or code.
    PasswordReset,
    PasswordResetRequested,
    /// The user proved that the address is theirs.
    EmailVerified,
    EmailChangeRequested,
    /// By the user, who proved the new address, or by an administrator.
    EmailChanged,
    /// An administrator or operator invited a person. The details have the id of the `invitation`.
    Invited,
    InvitationAccepted,
    InvitationRevoked,
    /// A mail was rejected, or expired before it could be sent. The details have its `kind`.
    MailFailed,
    /// The first factor of a login was right, and the second one is asked for.
    MfaChallenged,
    FactorAdded,
    FactorRemoved,
    /// A wrong answer with a second factor. The details have the `method`.
    FactorFailed,
    /// Codes of apps are not accepted any longer: too many wrong ones in a row.
    FactorLocked,
    /// By an administrator or operator: the user has no second factor.
    FactorsReset,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    /// The counter of a passkey did not grow: it may have been copied. The details have `accepted`.
    PasskeySuspicious,
    /// A session got stronger by a second factor.
    SteppedUp,
    KeyMade,
    KeyRetired,
}

/// An entry of the audit log.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: DateTime<Utc>,
    pub kind: EventType,
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// For example `reason`, `roles` or `by`.
    pub details: Map<String, Value>,
}

/// What resource servers must reject before the access tokens expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    Session(SessionId),
    /// Access tokens with a lower user version.
    User(UserId, u64),
    Key(String),
}

impl EventType {
    pub const ALL: [Self; 37] = [
        Self::Registered,
        Self::LoginSucceeded,
        Self::LoginFailed,
        Self::Reauthenticated,
        Self::ReauthenticationFailed,
        Self::SessionEnded,
        Self::ReuseDetected,
        Self::RefreshRedelivered,
        Self::GenerationRestored,
        Self::PasswordChanged,
        Self::NamesChanged,
        Self::RolesChanged,
        Self::ClaimsChanged,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserDeleted,
        Self::PasswordReset,
        Self::PasswordResetRequested,
        Self::EmailVerified,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::Invited,
        Self::InvitationAccepted,
        Self::InvitationRevoked,
        Self::MailFailed,
        Self::MfaChallenged,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::FactorFailed,
        Self::FactorLocked,
        Self::FactorsReset,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::PasskeySuspicious,
        Self::SteppedUp,
        Self::KeyMade,
        Self::KeyRetired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::LoginSucceeded => "login_succeeded",
            Self::LoginFailed => "login_failed",
            Self::Reauthenticated => "reauthenticated",
            Self::ReauthenticationFailed => "reauthentication_failed",
            Self::SessionEnded => "session_ended",
            Self::ReuseDetected => "reuse_detected",
            Self::RefreshRedelivered => "refresh_redelivered",
            Self::GenerationRestored => "generation_restored",
            Self::PasswordChanged => "password_changed",
            Self::NamesChanged => "names_changed",
            Self::RolesChanged => "roles_changed",
            Self::ClaimsChanged => "claims_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::UserDeleted => "user_deleted",
            Self::PasswordReset => "password_reset",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::EmailVerified => "email_verified",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::Invited => "invited",
            Self::InvitationAccepted => "invitation_accepted",
            Self::InvitationRevoked => "invitation_revoked",
            Self::MailFailed => "mail_failed",
            Self::MfaChallenged => "mfa_challenged",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::FactorFailed => "factor_failed",
            Self::FactorLocked => "factor_locked",
            Self::FactorsReset => "factors_reset",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::PasskeySuspicious => "passkey_suspicious",
            Self::SteppedUp => "stepped_up",
            Self::KeyMade => "key_made",
            Self::KeyRetired => "key_retired",
        }
    }

    /// Whether it is logged as a warning, on which operators may set an alert.
    pub fn is_warning(self) -> bool {
        matches!(
            self,
            Self::ReuseDetected
                | Self::GenerationRestored
                | Self::FactorLocked
                | Self::PasskeySuspicious
                | Self::KeyRetired
        )
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or(ImpossibleValue { column: "events.type" })
    }
}

impl Event {
    pub fn new(kind: EventType, at: DateTime<Utc>, client: &ClientInfo) -> Self {
        Self {
            at,
            kind,
            user: None,
            session: None,
            ip: client.address(),
            user_agent: client.user_agent.clone(),
            details: client.by.map(|by| (BY.to_owned(), by.to_string().into())).into_iter().collect(),
        }
    }

    pub fn of_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    pub fn of_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Whether it is a failed login with a name that no user has.
    pub fn is_of_unknown_user(&self) -> bool {
        self.kind == EventType::LoginFailed && self.user.is_none()
    }

    /// Whether an administrator or operator acted on the user's account.
    pub fn is_by_other_user(&self) -> bool {
        self.details.contains_key(BY)
    }

    pub fn without_origin(self) -> Self {
        Self { ip: None, user_agent: None, ..self }
    }

    /// Adds a detail. It must be neither a secret nor unvalidated input.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// The log line.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(session) = self.session {
            write!(f, " session={session}")?;
        }
        match self.user {
            Some(user) => write!(f, " user={user}")?,
            // The name that was entered is not logged: it may be a password in the wrong field.
            None if self.is_of_unknown_user() => write!(f, " user=unknown")?,
            None => {}
        }
        if let Some(ip) = &self.ip {
            write!(f, " ip={ip}")?;
        }
        for (name, value) in &self.details {
            match value {
                Value::String(text) => write!(f, " {name}={text}")?,
                other => write!(f, " {name}={other}")?,
            }
        }
        Ok(())
    }
}
