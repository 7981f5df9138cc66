//! The audit log: security events and revocations, written in the same transaction as the change that they describe.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use log::Level;
use serde_json::{Value, json};

use crate::domain::notices::{Notice, Notices};
use crate::model::{
    ClientInfo, Email, EndReason, Event, EventType, MailKind, Revocation, SessionId, User, UserId,
};
use crate::store::{AnyConnection, StoreError, events, revocations};

/// Ends of sessions that are recorded in one transaction. `MAX_SESSIONS_PER_USER` is not higher.
const MAX_ENDS: usize = 1000;

#[derive(Clone, Default)]
pub struct AuditLog {
    now: DateTime<Utc>,
    client: ClientInfo,
    events: Vec<Event>,
    revocations: Vec<Revocation>,
    /// Ends beyond [`MAX_ENDS`]. They are recorded after the commit.
    more_ends: Vec<Event>,
    /// `None` if the server sends no mails.
    mailed: Option<Arc<Notices>>,
    notices: Vec<Notice>,
}

impl AuditLog {
    /// An empty log. Every event gets this time and this client.
    pub fn new(now: DateTime<Utc>, client: ClientInfo) -> Self {
        Self { now, client, ..Self::default() }
    }

    /// The same log, which also sends these notices to the users.
    pub fn with_notices(self, notices: Option<Arc<Notices>>) -> Self {
        Self { mailed: notices, ..self }
    }

    /// Who causes the events.
    pub fn client(&self) -> &ClientInfo {
        &self.client
    }

    /// A new event, to be completed and [recorded](Self::record).
    pub fn event(&self, kind: EventType) -> Event {
        Event::new(kind, self.now, &self.client)
    }

    /// Some events are reported to the user: lock the user's row before.
    pub fn record(&mut self, event: Event) {
        let notice = event.user.and_then(|user| Notice::of_event(event.kind, user));
        self.notices.extend(notice);
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

    /// Records that the user was deleted. The notice goes to the address that the user had.
    pub fn record_deletion(&mut self, user: &User) {
        self.record(self.event(EventType::UserDeleted).of_user(user.id).without_origin());
        self.notices.push(Notice::of_deletion(user));
    }

    /// Records that another address is to replace the user's, who is told. Lock the user's row before.
    pub fn record_requested_email_change(&mut self, user: &User, new: &Email) {
        self.record(self.event(EventType::EmailChangeRequested).of_user(user.id));
        self.notices.push(Notice::of_requested_change(user, new));
    }

    /// Records the roles that a new user has from the start.
    pub fn record_first_roles(&mut self, user: &User) {
        if !user.roles.is_empty() {
            let given = self.event(EventType::RolesChanged).of_user(user.id);
            self.record(given.with("roles", json!(user.roles)).with("before", json!([])));
        }
    }

    /// Records that another address has replaced that of `before`. Both are told. Lock the user's row before.
    pub fn record_email_change(&mut self, before: &User, new: &Email, new_is_proved: bool) {
        self.record(self.event(EventType::EmailChanged).of_user(before.id));
        self.notices.push(Notice::of_change(before, new, new_is_proved));
    }

    /// Whether users get this notice.
    pub fn sends(&self, kind: MailKind) -> bool {
        self.mailed.as_ref().is_some_and(|notices| notices.includes(kind))
    }

    /// Adds a notice that does not belong to a recorded event. Lock the user's row before.
    pub fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Records the end of each session, and revokes its access tokens. Of more than 1000 sessions the rest is recorded
    /// after the commit, so that the transaction does not hold its locks for long.
    pub fn record_ended(
        &mut self,
        sessions: impl IntoIterator<Item = SessionId>,
        user: UserId,
        reason: EndReason,
    ) {
        for session in sessions {
            let ended = self.event(EventType::SessionEnded).of_session(session).of_user(user);
            self.more_ends.push(ended.with("reason", reason.as_str()));
        }
        let first = self.more_ends.len().min(MAX_ENDS);
        let first = self.more_ends.drain(..first).collect();
        self.add_ends(first);
    }

    /// What is left to record after the commit, in parts for one transaction each.
    pub fn rest(&self) -> Vec<Self> {
        let part = |ends: &[Event]| {
            let mut part = Self::new(self.now, self.client.clone());
            part.add_ends(ends.to_vec());
            part
        };
        self.more_ends.chunks(MAX_ENDS).map(part).collect()
    }

    fn add_ends(&mut self, ends: Vec<Event>) {
        self.revocations.extend(ends.iter().filter_map(|end| end.session).map(Revocation::Session));
        self.events.extend(ends);
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
        if let Some(mailed) = &self.mailed {
            for notice in &self.notices {
                mailed.enqueue(connection, notice, &self.client, self.now)?;
            }
        }
        revocations::append(connection, &self.revocations, self.now)
    }

    /// Writes the committed events to the log target `security`.
    pub fn print(&self) {
        for event in &self.events {
            let level = if event.kind.is_warning() { Level::Warn } else { Level::Info };
            log::log!(
                target: "security", level,
                event = event.kind.as_str(),
                user = event.user.map(|user| user.to_string()),
                session = event.session.map(|session| session.to_string()),
                ip = event.ip,
                reason = event.details.get("reason").and_then(Value::as_str),
                by = event.details.get("by").and_then(Value::as_str);
                "{event}"
            );
        }
    }
}
