use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::{ClientInfo, ImpossibleValue, SessionId, UserId};

/// The detail that says who did it, where it was not the person whom it concerns.
const BY: &str = "by";

/// What can happen to people, sessions and keys that somebody may ask about afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A person registered, or was made by an operator.
    Registered,
    /// A session was opened.
    LoginSucceeded,
    /// A login was refused.
    LoginFailed,
    /// A person proved their password once more.
    Reauthenticated,
    /// Somebody with a session gave a wrong password.
    ReauthenticationFailed,
    /// A session ended, for the `reason` in its details.
    SessionEnded,
    /// A spent refresh token came again, which ended the session.
    ReuseDetected,
    /// A spent token came again with its Idempotency-Key, and was answered with the same successor.
    RefreshRedelivered,
    /// A refresh token was newer than its row: the database was restored, or failed over.
    GenerationRestored,
    /// The password was changed, by its person or by an operator.
    PasswordChanged,
    /// Name or username were changed.
    NamesChanged,
    /// An administrator changed the roles.
    RolesChanged,
    /// An administrator changed the custom claims.
    ClaimsChanged,
    /// An administrator disabled the person.
    UserDisabled,
    /// An administrator enabled the person again.
    UserEnabled,
    /// The person is gone.
    UserDeleted,
    /// A key was made that will sign access tokens.
    KeyMade,
    /// A key was taken out of use, with all the tokens that it signed.
    KeyRetired,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: EventType,
    /// To whom.
    pub user: Option<UserId>,
    /// To which of their sessions.
    pub session: Option<SessionId>,
    /// Address that it came from.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// More, by name: `reason`, `roles`, `by`.
    pub details: Map<String, Value>,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 18] = [
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
        Self::KeyMade,
        Self::KeyRetired,
    ];

    /// As stored, logged, and in the API.
    #[must_use]
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
            Self::KeyMade => "key_made",
            Self::KeyRetired => "key_retired",
        }
    }

    /// Whether an operator may want to be woken for it.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Self::ReuseDetected | Self::GenerationRestored | Self::KeyRetired)
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
    /// Of this moment, about nobody yet.
    #[must_use]
    pub fn new(kind: EventType, at: DateTime<Utc>, requester: &ClientInfo) -> Self {
        Self {
            at,
            kind,
            user: None,
            session: None,
            ip: requester.address(),
            user_agent: requester.user_agent.clone(),
            details: requester.by.map(|by| (BY.to_owned(), by.to_string().into())).into_iter().collect(),
        }
    }

    /// About this person.
    #[must_use]
    pub fn of_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// About this session.
    #[must_use]
    pub fn of_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Whether somebody else did it than the person whom it concerns.
    #[must_use]
    pub fn is_by_other_user(&self) -> bool {
        self.details.contains_key(BY)
    }

    /// Without what tells where and with what somebody asked for it.
    #[must_use]
    pub fn without_origin(self) -> Self {
        Self { ip: None, user_agent: None, ..self }
    }

    /// With more to tell. Nothing secret, and nothing that a stranger typed.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// As a log line.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(session) = self.session {
            write!(f, " session={session}")?;
        }
        match self.user {
            Some(user) => write!(f, " user={user}")?,
            // People type passwords into the wrong field: nobody's name is left out.
            None if self.kind == EventType::LoginFailed => write!(f, " user=unknown")?,
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
