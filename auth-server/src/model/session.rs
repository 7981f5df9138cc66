use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{ImpossibleValue, SessionId, UserId};

/// The number of a refresh token within its session: one more at every rotation, below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

impl Generation {
    /// The generation of a session's first refresh token.
    pub const FIRST: Self = Self(0);
    /// Largest integer that every JSON reader keeps exact (RFC 8259 §6).
    const MAX: u64 = (1 << 53) - 1;

    /// The number in a token or a row, if it can be one of ours.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (number < Self::MAX).then_some(Self(number))
    }

    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// How a session's tokens travel; fixed when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Access token in the body, refresh token in an HttpOnly cookie: for browsers.
    #[default]
    RefreshCookie,
    /// Both in HttpOnly cookies, with a CSRF token beside them: for pages that never touch a token.
    BothCookies,
    /// Both in the body: for mobile and command-line clients.
    Body,
}

/// Where a refresh token is found. Tokens of two deliveries come alike: which of them it is, the row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTransport {
    /// In a cookie.
    Cookie,
    /// In the body, or in `Authorization`.
    Body,
}

/// Why a session is over, as the `reason` of `session_ended` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Actor its own person.
    LoggedOut,
    /// Idle or absolute limit reached. Never stored: it follows from the clock.
    Expired,
    /// A refresh token came again after it had been spent: somebody else may hold a copy.
    ReuseDetected,
    /// Ended from another device, or by an administrator.
    Revoked,
    /// The password was changed.
    PasswordChanged,
    /// The person was disabled.
    UserDisabled,
    /// The person was deleted.
    UserDeleted,
    /// Nothing is known of such a session. Never stored.
    Unknown,
}

/// When and why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: EndReason,
}

/// One login on one device: a row that lives until `expires_at`.
#[derive(Clone, Debug)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The client it was opened through.
    pub client_id: String,
    /// Number of its newest refresh token.
    pub generation: Generation,
    /// SHA-256 of the `sk` that all its refresh tokens carry.
    pub secret_hash: [u8; 32],
    /// Last rotation; the opening, while there was none.
    pub rotated_at: DateTime<Utc>,
    /// SHA-256 of the Idempotency-Key of the last rotation.
    pub idempotency_key_hash: Option<[u8; 32]>,
    /// How often the last rotation's successor was issued again after the grace.
    pub redeliveries: i32,
    /// How its tokens travel.
    pub delivery: Delivery,
    /// Whether the cookie outlives the browser.
    pub remember: bool,
    /// Last time the password was checked.
    pub auth_time: DateTime<Utc>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Slides with every refresh.
    pub idle_expires_at: DateTime<Utc>,
    /// Never slides.
    pub expires_at: DateTime<Utc>,
    /// Set once it is over.
    pub ended: Option<Ended>,
    /// Address that used it last.
    pub ip: Option<String>,
    /// `User-Agent` that used it last.
    pub user_agent: Option<String>,
}

impl Delivery {
    /// As stored and as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefreshCookie => "refresh_cookie",
            Self::BothCookies => "both_cookies",
            Self::Body => "body",
        }
    }

    /// Where its refresh tokens are found.
    #[must_use]
    pub fn transport(self) -> TokenTransport {
        match self {
            Self::RefreshCookie | Self::BothCookies => TokenTransport::Cookie,
            Self::Body => TokenTransport::Body,
        }
    }
}

impl TokenTransport {
    /// The deliveries that it is the transport of: two of them, or one twice.
    #[must_use]
    pub fn deliveries(self) -> [Delivery; 2] {
        match self {
            Self::Cookie => [Delivery::RefreshCookie, Delivery::BothCookies],
            Self::Body => [Delivery::Body; 2],
        }
    }
}

impl FromStr for Delivery {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refresh_cookie" => Ok(Self::RefreshCookie),
            "both_cookies" => Ok(Self::BothCookies),
            "body" => Ok(Self::Body),
            _ => Err(ImpossibleValue { column: "sessions.delivery" }),
        }
    }
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LoggedOut,
        Self::Expired,
        Self::ReuseDetected,
        Self::Revoked,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::UserDeleted,
        Self::Unknown,
    ];

    /// As stored and as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Expired => "expired",
            Self::ReuseDetected => "reuse_detected",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserDeleted => "user_deleted",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EndReason {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or(ImpossibleValue { column: "sessions.end_reason" })
    }
}
