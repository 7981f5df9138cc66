use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Amr, ImpossibleValue, SessionId, UserId};

/// The number of a refresh token within its session. Each rotation adds one. Below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

impl Generation {
    pub const FIRST: Self = Self(0);
    /// The largest integer that every JSON parser represents exactly (RFC 8259 §6).
    const MAX: u64 = (1 << 53) - 1;

    pub fn new(number: u64) -> Option<Self> {
        (number < Self::MAX).then_some(Self(number))
    }

    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

/// How a session's tokens are delivered. Fixed at login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Access token in the body, refresh token in an `HttpOnly` cookie. For browsers.
    #[default]
    RefreshCookie,
    /// Both tokens in `HttpOnly` cookies, with a CSRF token. For pages that must not see tokens.
    BothCookies,
    /// Both tokens in the body. For mobile and command-line clients.
    Body,
}

/// How a request sends its refresh token. Two deliveries use cookies; the row records which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTransport {
    Cookie,
    /// In the body or in `Authorization`.
    Body,
}

/// Why a session ended: the `reason` of the code `session_ended`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    LoggedOut,
    /// The idle or absolute limit was reached. Never stored: it follows from the clock.
    Expired,
    /// A superseded refresh token was used: an attacker may have a copy.
    ReuseDetected,
    /// From another device, or by an administrator or operator.
    Revoked,
    PasswordChanged,
    EmailChanged,
    /// A second factor was added, removed or reset.
    FactorChanged,
    /// The owner of the mailbox proved for the first time that the address is theirs: another person may have registered it.
    AccountRecovered,
    UserDisabled,
    UserDeleted,
    /// There is no such session. Never stored.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub at: DateTime<Utc>,
    pub reason: EndReason,
}

/// One login on one device. The row is kept until `expires_at`.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// The `client_id` claim.
    pub client_id: String,
    /// Of the newest refresh token.
    pub generation: Generation,
    /// SHA-256 of the `sk` claim in all its refresh tokens.
    pub secret_hash: [u8; 32],
    /// Last rotation, or the login.
    pub rotated_at: DateTime<Utc>,
    /// SHA-256 of the Idempotency-Key of the last rotation.
    pub idempotency_key_hash: Option<[u8; 32]>,
    /// How often the last rotation's successor was issued again after the grace period.
    pub redeliveries: i32,
    pub delivery: Delivery,
    /// Whether the cookie persists when the browser closes.
    pub remember: bool,
    /// The login, or the last password check.
    pub auth_time: DateTime<Utc>,
    /// How the user logged in. Refreshes and password checks keep it.
    pub amr: Amr,
    pub created_at: DateTime<Utc>,
    /// Idle limit. Each refresh extends it.
    pub idle_expires_at: DateTime<Utc>,
    /// Absolute limit. Never changes.
    pub expires_at: DateTime<Utc>,
    pub ended: Option<Ended>,
    /// Of the last refresh or login.
    pub ip: Option<String>,
    /// Of the last refresh or login.
    pub user_agent: Option<String>,
}

impl Delivery {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefreshCookie => "refresh_cookie",
            Self::BothCookies => "both_cookies",
            Self::Body => "body",
        }
    }

    pub fn transport(self) -> TokenTransport {
        match self {
            Self::RefreshCookie | Self::BothCookies => TokenTransport::Cookie,
            Self::Body => TokenTransport::Body,
        }
    }
}

impl TokenTransport {
    /// The deliveries with this transport: two, or the same one twice.
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
    pub const ALL: [Self; 11] = [
        Self::LoggedOut,
        Self::Expired,
        Self::ReuseDetected,
        Self::Revoked,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::FactorChanged,
        Self::AccountRecovered,
        Self::UserDisabled,
        Self::UserDeleted,
        Self::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Expired => "expired",
            Self::ReuseDetected => "reuse_detected",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::FactorChanged => "factor_changed",
            Self::AccountRecovered => "account_recovered",
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
