//! What an operator wants to be woken for, on the log target `security`.

use chrono::{DateTime, Utc};

use crate::model::{EndReason, SessionId, UserId};

/// A spent refresh token came again: its session was ended.
pub fn reuse_detected(session: SessionId, user: UserId) {
    log::warn!(target: "security", "reuse_detected session={session} user={user}");
}

/// A spent token came again with its Idempotency-Key, and was answered with the same successor.
pub fn refresh_redelivered(session: SessionId, user: UserId) {
    log::info!(target: "security", "refresh_redelivered session={session} user={user}");
}

/// A token was newer than the row: the database was restored, or failed over.
pub fn generation_restored(session: SessionId, user: UserId) {
    log::warn!(target: "security", "generation_restored session={session} user={user}");
}

/// A session was ended by somebody.
pub fn session_ended(session: SessionId, user: UserId, reason: EndReason) {
    log::info!(target: "security", "session_ended session={session} user={user} reason={reason}");
}

/// All sessions of a person were ended.
pub fn all_sessions_ended(user: UserId, reason: EndReason) {
    log::info!(target: "security", "all_sessions_ended user={user} reason={reason}");
}

/// A person registered.
pub fn registered(user: UserId) {
    log::info!(target: "security", "registered user={user}");
}

/// A person logged in.
pub fn login_succeeded(session: SessionId, user: UserId) {
    log::info!(target: "security", "login_succeeded session={session} user={user}");
}

/// A login failed. Whom it was meant for is left out where no such person exists: people type passwords into
/// the wrong field.
pub fn login_failed(user: Option<UserId>) {
    match user {
        Some(user) => log::info!(target: "security", "login_failed user={user}"),
        None => log::info!(target: "security", "login_failed user=unknown"),
    }
}

/// A signing key was made; it signs from then on.
pub fn key_made(kid: &str, algorithm: &str, active_from: DateTime<Utc>) {
    log::info!(target: "security", "key_made kid={kid} algorithm={algorithm} active_from={active_from:?}");
}

/// A signing key was taken out of use, with all the tokens that it signed.
pub fn key_retired(kid: &str) {
    log::warn!(target: "security", "key_retired kid={kid}");
}
