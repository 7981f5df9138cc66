//! What happened is written in the same transaction as the change itself: there is no change without its event, and no
//! event of what was rolled back. Once it is committed it is logged, too, on the target `security`. Likewise what resource
//! servers must hear of.

use chrono::{DateTime, Utc};
use log::Level;

use crate::model::{ClientInfo, EndReason, Event, EventType, Revocation, SessionId, UserId};
use crate::store::{AnyConnection, Database, StoreError, events, revocations, users};

/// Collects what a transaction has to tell.
pub struct AuditLog {
    now: DateTime<Utc>,
    requester: ClientInfo,
    events: Vec<Event>,
    revocations: Vec<Revocation>,
}

impl AuditLog {
    /// An event of this moment and this requester, to be completed and [noted](Self::record).
    #[must_use]
    pub fn event(&self, kind: EventType) -> Event {
        Event::new(kind, self.now, &self.requester)
    }

    /// Notes what happened.
    pub fn record(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Notes what happened to a session, of which there is no more to tell.
    pub fn record_session_event(&mut self, kind: EventType, session: SessionId, user: UserId) {
        self.record(self.event(kind).of_session(session).of_user(user));
    }

    /// Has resource servers hear of it.
    pub fn revoke(&mut self, revocation: Revocation) {
        self.revocations.push(revocation);
    }

    /// Notes that a session ended since its token was stolen.
    pub fn record_reuse(&mut self, session: SessionId, user: UserId) {
        self.record_session_event(EventType::ReuseDetected, session, user);
        self.revoke(Revocation::Session(session));
    }

    /// Notes the ends of sessions, and has resource servers hear of them.
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
}

/// What became of a transaction.
pub struct Committed<T> {
    /// What its work returned.
    pub value: T,
    /// Whether resource servers have to hear of it.
    pub revoked: bool,
}

/// Runs `work` in one transaction with the events that it notes.
///
/// # Errors
/// What `work` returns, or that the database failed; then nothing is written or logged.
pub async fn transaction<T, E>(
    database: &Database,
    now: DateTime<Utc>,
    requester: &ClientInfo,
    work: impl FnOnce(&mut AnyConnection, &mut AuditLog) -> Result<T, E> + Send + 'static,
) -> Result<Committed<T>, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let mut audit =
        AuditLog { now, requester: requester.clone(), events: Vec::new(), revocations: Vec::new() };
    let (value, audit) = database
        .transaction(move |connection| {
            let value = work(connection, &mut audit)?;
            events::insert(connection, &audit.events)?;
            revocations::append(connection, &audit.revocations, now)?;
            Ok::<_, E>((value, audit))
        })
        .await?;
    for event in &audit.events {
        let level = if event.kind.is_warning() { Level::Warn } else { Level::Info };
        log::log!(target: "security", level, "{event}");
    }
    Ok(Committed { value, revoked: !audit.revocations.is_empty() })
}
/// The person's record is of another version from now on: their access tokens are stale, of which resource servers hear, and
/// every login that is under way is void. Comes before the ends of sessions, since it locks the person's row.
pub fn bump_version(
    connection: &mut AnyConnection,
    audit: &mut AuditLog,
    user: UserId,
) -> Result<(), StoreError> {
    if let Some(version) = users::bump_version(connection, user)? {
        audit.revoke(Revocation::User(user, version));
    }
    Ok(())
}
