//! The audit log: security events and revocations, written in the same transaction as the change that they describe.

use chrono::{DateTime, Utc};
use log::Level;

use crate::model::{ClientInfo, EndReason, Event, EventType, Revocation, SessionId, UserId};
use crate::store::{AnyConnection, StoreError, events, revocations};

pub struct AuditLog {
    now: DateTime<Utc>,
    client: ClientInfo,
    events: Vec<Event>,
    revocations: Vec<Revocation>,
}

impl AuditLog {
    /// An empty log. Every event gets this time and this client.
    pub fn new(now: DateTime<Utc>, client: ClientInfo) -> Self {
        Self { now, client, events: Vec::new(), revocations: Vec::new() }
    }

    /// A new event, to be completed and [recorded](Self::record).
    pub fn event(&self, kind: EventType) -> Event {
        Event::new(kind, self.now, &self.client)
    }

    pub fn record(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Records an event that has no details.
    pub fn record_session_event(&mut self, kind: EventType, session: SessionId, user: UserId) {
        self.record(self.event(kind).of_session(session).of_user(user));
    }

    /// Records that a session ended because a superseded refresh token was used again.
    pub fn record_reuse(&mut self, session: SessionId, user: UserId) {
        self.record_session_event(EventType::ReuseDetected, session, user);
        self.revoke(Revocation::Session(session));
    }

    /// Records the end of each session, and revokes its access tokens.
    pub fn record_ended(
        &mut self,
        sessions: impl IntoIterator<Item = SessionId>,
        user: UserId,
        reason: EndReason,
    ) {
        for session in sessions {
            let ended = self.event(EventType::SessionEnded).of_session(session).of_user(user);
            self.record(ended.with("reason", reason.as_str()));
            self.revoke(Revocation::Session(session));
        }
    }

    /// Adds an entry to the revocation feed.
    pub fn revoke(&mut self, revocation: Revocation) {
        self.revocations.push(revocation);
    }

    pub fn has_revocations(&self) -> bool {
        !self.revocations.is_empty()
    }

    /// Writes everything to the database. Must come last in the transaction: it locks the counter of the revocation feed,
    /// for which every other server waits.
    pub fn write(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        events::insert(connection, &self.events)?;
        revocations::append(connection, &self.revocations, self.now)
    }

    /// Writes the committed events to the log target `security`.
    pub fn print(&self) {
        for event in &self.events {
            let level = if event.kind.is_warning() { Level::Warn } else { Level::Info };
            log::log!(target: "security", level, "{event}");
        }
    }
}
