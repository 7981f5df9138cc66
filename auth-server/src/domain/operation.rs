//! Changes to the database: the client that requests them, the time, and the transaction that makes them.

use std::error::Error;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::audit::AuditLog;
use crate::domain::notices::Notices;
use crate::domain::revocation_feed::RevocationFeed;
use crate::model::{Actor, ClientInfo, Revocation, UserId};
use crate::store::{AnyConnection, Database, StoreError, advisory_locks, users};

/// One change: on which database, for which client, at what time.
pub struct Operation<'a> {
    pub database: &'a Database,
    /// The client that requests the change. Recorded in every event.
    pub client: ClientInfo,
    /// All rows and events of the operation get this time.
    pub now: DateTime<Utc>,
    feed: Option<&'a RevocationFeed>,
    notices: Option<Arc<Notices>>,
}

/// An open transaction, with the audit log that is committed with it.
pub struct Transaction<'a> {
    pub connection: &'a mut AnyConnection,
    pub audit: AuditLog,
    pub now: DateTime<Utc>,
}

/// The administrator was demoted, disabled or deleted during the request.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the caller is no longer an administrator")]
pub struct NotAdministrator;

impl<'a> Operation<'a> {
    /// An operation outside of a running server: the servers find its revocations at their next poll.
    pub fn new(database: &'a Database, client: ClientInfo, now: DateTime<Utc>) -> Self {
        Self { database, client, now, feed: None, notices: None }
    }

    /// An operation of the server: its own revocation feed is notified of revocations immediately.
    pub fn with_feed(self, feed: &'a RevocationFeed) -> Self {
        Self { feed: Some(feed), ..self }
    }

    /// Sends users these notices about changes of their accounts.
    pub fn with_notices(self, notices: Option<Arc<Notices>>) -> Self {
        Self { notices, ..self }
    }

    /// Runs `work` in a transaction together with the events and revocations that it records: all of it is committed, or
    /// nothing is. Events are logged once they are committed. After a conflict with another transaction, a clone of `work` runs
    /// again.
    ///
    /// # Errors
    /// What `work` returns, or that the database failed.
    pub async fn transaction<T, E>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<StoreError> + Send + 'static,
    {
        let (client, now, notices) = (self.client.clone(), self.now, self.notices.clone());
        let run = move |connection: &mut AnyConnection| {
            let audit = AuditLog::new(now, client).with_notices(notices);
            let mut tx = Transaction { connection, audit, now };
            let value = work(&mut tx)?;
            tx.audit.write(tx.connection)?;
            Ok::<_, E>((value, tx.audit))
        };
        let (value, audit) = self.database.transaction(run).await?;
        self.conclude(audit).await;
        Ok(value)
    }

    /// What follows the commit.
    async fn conclude(&self, audit: AuditLog) {
        audit.print();
        if let Some(feed) = self.feed.filter(|_| audit.has_revocations()) {
            feed.notify();
        }
        let rest = audit.rest();
        if !rest.is_empty() {
            // In a task, because a client that disconnects must not stop it.
            let recorded = tokio::spawn(record_rest(self.database.clone(), rest)).await;
            recorded.unwrap_or_else(|error| log::error!("cannot record the ends of sessions: {error}"));
        }
    }
}

/// Each part in its own transaction. The sessions have ended already.
async fn record_rest(database: Database, parts: Vec<AuditLog>) {
    for part in parts {
        let write = move |connection: &mut AnyConnection| part.write(connection).map(|()| part);
        match database.transaction(write).await {
            Ok(part) => part.print(),
            Err(error) => log::error!("cannot record the ends of sessions: {error}"),
        }
    }
}

impl Transaction<'_> {
    /// Call this first in a change that an administrator can request. Changes by administrators run one at a time: of two who
    /// demote each other at the same moment, the second fails. Other clients are not checked.
    pub fn check_administrator<E>(&mut self) -> Result<(), E>
    where
        E: From<NotAdministrator> + From<StoreError>,
    {
        let Some(Actor::Administrator(id)) = self.audit.client().by else { return Ok(()) };
        advisory_locks::acquire(self.connection, advisory_locks::LAST_ADMINISTRATOR)?;
        let caller = users::by_id(self.connection, id)?;
        if caller.is_some_and(|caller| caller.is_enabled_administrator()) {
            Ok(())
        } else {
            Err(NotAdministrator.into())
        }
    }

    /// Increments the version of a user: access tokens issued before become stale, and logins that are not committed yet
    /// fail. Call it before sessions are ended: it locks the user's row, and every transaction locks that row first.
    pub fn bump_version(&mut self, user: UserId) -> Result<(), StoreError> {
        if let Some(version) = users::bump_version(self.connection, user)? {
            self.audit.revoke(Revocation::User(user, version));
        }
        Ok(())
    }
}
