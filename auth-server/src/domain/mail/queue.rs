use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::model::ImpossibleValue;

/// What this server last saw of the outbox. Requests, metrics and `/readyz` read it without a database query.
pub struct Queue {
    limit: u64,
    waiting: AtomicU64,
    /// When the mail that waits longest was due.
    oldest: Mutex<Option<DateTime<Utc>>>,
    is_failing: AtomicBool,
}

/// Whether mails can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    Ok,
    /// The mail server cannot be reached, or rejects every mail.
    Failing,
    /// Requested mails are dropped.
    Full,
}

impl MailState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Full => "full",
        }
    }
}

impl FromStr for MailState {
    type Err = ImpossibleValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Ok, Self::Failing, Self::Full].into_iter().find(|state| state.as_str() == text);
        found.ok_or(ImpossibleValue { column: "servers.mail" })
    }
}

impl Queue {
    pub fn new(limit: u32) -> Self {
        Self {
            limit: limit.into(),
            waiting: AtomicU64::default(),
            oldest: Mutex::default(),
            is_failing: AtomicBool::default(),
        }
    }

    /// Whether requested mails must not be queued. Notices always are.
    pub fn is_full(&self) -> bool {
        self.waiting() >= self.limit
    }

    pub fn state(&self) -> MailState {
        if self.is_failing() {
            MailState::Failing
        } else if self.is_full() {
            MailState::Full
        } else {
            MailState::Ok
        }
    }

    /// Mails that are not sent yet.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// When the mail that waits longest was due.
    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn observe(&self, waiting: u64, oldest: Option<DateTime<Utc>>) {
        self.waiting.store(waiting, Ordering::Relaxed);
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
    }

    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Returns whether that is a change.
    pub fn set_failing(&self, is_failing: bool) -> bool {
        self.is_failing.swap(is_failing, Ordering::Relaxed) != is_failing
    }
}
