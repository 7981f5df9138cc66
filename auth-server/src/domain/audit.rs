//! What happened is written in the same transaction as the change itself: there is no change without its event, and no
//! event of what was rolled back. Once it is committed it is logged, too, on the target `security`. Likewise what resource
//! servers must hear of.

use chrono::{DateTime, Utc};
use log::Level;

use crate::model::{EndReason, Event, EventType, Requester, Revocation, SessionId, UserId};
use crate::store::{AnyConnection, Database, StoreError, events, revocations, users};

/// Collects what a transaction has to tell.
pub struct Journal {
    now: DateTime<Utc>,
    requester: Requester,
    events: Vec<Event>,
    revocations: Vec<Revocation>,
}

impl Journal {
    /// An event of this moment and this requester, to be completed and [noted](Self::note).
    #[must_use]
    pub fn event(&self, kind: EventType) -> Event {
        Event::new(kind, self.now, &self.requester)
    }

    /// Notes what happened.
    pub fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Notes what happened to a session, of which there is no more to tell.
    pub fn note_session(&mut self, kind: EventType, session: SessionId, user: UserId) {
        self.note(self.event(kind).of_session(session).of_user(user));
    }

    /// Has resource servers hear of it.
    pub fn revoke(&mut self, revocation: Revocation) {
        self.revocations.push(revocation);
    }

    /// Notes that a session ended since its token was stolen.
    pub fn note_reuse(&mut self, session: SessionId, user: UserId) {
        self.note_session(EventType::ReuseDetected, session, user);
        self.revoke(Revocation::Session(session));
    }

    /// Notes the ends of sessions, and has resource servers hear of them.
    pub fn note_ended(
        &mut self,
        sessions: impl IntoIterator<Item = SessionId>,
        user: UserId,
        reason: EndReason,
    ) {
        for session in sessions {
            let ended = self.event(EventType::SessionEnded).of_session(session).of_user(user);
            self.note(ended.with("reason", reason.as_str()));
            self.revoke(Revocation::Session(session));
        }
    }
}

/// What became of a transaction.
pub struct Committed<T> {
    /// What its work returned.
    pub done: T,
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
    requester: &Requester,
    work: impl FnOnce(&mut AnyConnection, &mut Journal) -> Result<T, E> + Send + 'static,
) -> Result<Committed<T>, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let mut journal =
        Journal { now, requester: requester.clone(), events: Vec::new(), revocations: Vec::new() };
    let (done, journal) = database
        .transaction(move |connection| {
            let done = work(connection, &mut journal)?;
            events::insert(connection, &journal.events)?;
            revocations::append(connection, &journal.revocations, now)?;
            Ok::<_, E>((done, journal))
        })
        .await?;
    for event in &journal.events {
        let level = if event.kind.is_alarming() { Level::Warn } else { Level::Info };
        log::log!(target: "security", level, "{event}");
    }
    Ok(Committed { done, revoked: !journal.revocations.is_empty() })
}
/// The person's record is of another version from now on: their access tokens are stale, of which resource servers hear, and
/// every login that is under way is void. Comes before the ends of sessions, since it locks the person's row.
pub fn bump_version(
    connection: &mut AnyConnection,
    journal: &mut Journal,
    user: UserId,
) -> Result<(), StoreError> {
    if let Some(version) = users::bump_version(connection, user)? {
        journal.revoke(Revocation::User(user, version));
    }
    Ok(())
}
