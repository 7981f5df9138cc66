use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::Clock;

use crate::domain::audit::{self, AuditLog};
use crate::domain::keys::KeyRing;
use crate::domain::passwords::{Passwords, Throttle};
use crate::domain::revocation_feed::RevocationFeed;
use crate::domain::tokens::RefreshTokens;
use crate::metrics::Metrics;
use crate::model::ClientInfo;
use crate::store::{AnyConnection, Database, StoreError};

/// What every use case works with. One for the whole server, shared by its workers.
pub struct Context {
    /// The time; moved by tests.
    pub clock: Arc<dyn Clock>,
    /// The tables.
    pub database: Database,
    /// Hashes and checks passwords, a few at a time.
    pub passwords: Passwords,
    /// How often somebody may be wrong about a password.
    pub throttle: Throttle,
    /// What resource servers hear of.
    pub feed: RevocationFeed,
    /// Signs access tokens.
    pub keys: KeyRing,
    /// Signs and reads refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// What operators read.
    pub metrics: Metrics,
    /// How long everything lives.
    pub lifetimes: Lifetimes,
    /// Names and switches.
    pub policy: Policy,
}

/// How long everything lives.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Of an access token.
    pub access_token: TimeDelta,
    /// Of a session that nobody refreshes. Slides.
    pub idle: TimeDelta,
    /// Of a session at most. Never slides.
    pub session: TimeDelta,
    /// How long after a rotation the spent token is answered with the same successor, as often as it comes:
    /// racing tabs all end up with the same session. A thief gains from it only within this window.
    pub reuse_grace: TimeDelta,
    /// Of an event.
    pub event: TimeDelta,
}

/// Names and switches from the settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `iss` of every token, and the origin of this server's own pages.
    pub issuer: String,
    /// Audiences that may be asked for; the first is the default. Never empty.
    pub audiences: Vec<String>,
    /// `client_id` of every token.
    pub client_id: String,
    /// Whether people may register by themselves.
    pub registration_open: bool,
}

impl Context {
    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Runs `work` in one transaction with the events that it notes.
    ///
    /// # Errors
    /// What `work` returns, or that the database failed.
    pub async fn transaction<T, E>(
        &self,
        requester: &ClientInfo,
        work: impl FnOnce(&mut AnyConnection, &mut AuditLog) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let committed = audit::transaction(&self.database, self.now(), requester, work).await?;
        if committed.revoked {
            self.feed.nudge();
        }
        Ok(committed.value)
    }

    /// Asks the database whether it can serve, and what time it is there: by how much this server's clock is ahead; none
    /// where both have one.
    ///
    /// # Errors
    /// It cannot.
    pub async fn check_database(&self) -> Result<Option<TimeDelta>, StoreError> {
        let ahead = self.database.check().await?.map(|time| self.now() - time);
        self.metrics.clock_difference.set(ahead.unwrap_or_default().as_seconds_f64());
        Ok(ahead)
    }
}

impl Policy {
    /// The audience that was asked for, if it is listed; the default where none was asked for.
    #[must_use]
    pub fn audience<'a>(&'a self, asked: Option<&str>) -> Option<&'a str> {
        match asked {
            None => self.audiences.first().map(String::as_str),
            Some(asked) => self.audiences.iter().map(String::as_str).find(|listed| *listed == asked),
        }
    }
}
