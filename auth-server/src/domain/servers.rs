//! The auth servers that share a database, for administrators: each sends heartbeats to the table `servers`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::mail::MailState;
use crate::store::servers::{self, SILENT_AFTER, StoredServer};
use crate::store::{Database, StoreError};

/// How often a server sends a heartbeat.
pub const HEARTBEAT_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// How long a server that stops waits for the database.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// The description of a running server.
pub struct ThisServer {
    /// New at each start.
    id: Uuid,
    host: String,
    started_at: DateTime<Utc>,
    /// JSON object, without secrets.
    settings: String,
}

/// The parts of `/readyz` that a heartbeat reports. That the database works shows in the heartbeat itself.
#[derive(Clone, Copy)]
pub struct Health {
    pub can_sign: bool,
    /// `None` while mail is off.
    pub mail: Option<MailState>,
}

/// One of the servers.
pub struct ListedServer {
    pub id: String,
    pub host: String,
    pub version: String,
    pub started_at: DateTime<Utc>,
    /// The last heartbeat, by the database's clock.
    pub seen_at: DateTime<Utc>,
    pub status: Status,
    /// The server's time minus the database's. `None` for SQLite, which has no clock.
    pub clock_ahead: Option<TimeDelta>,
    pub health: Health,
    pub settings: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServerStatus)]
pub enum Status {
    /// Serves requests.
    Ready,
    /// Rejects requests: `parts` has the reason.
    NotReady,
    /// No heartbeat for 30 seconds: the server crashed, or cannot reach the database.
    Silent,
}

impl ThisServer {
    /// `settings`: without secrets.
    pub fn new(settings: &BTreeMap<String, String>, started_at: DateTime<Utc>) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let settings = serde_json::json!(settings).to_string();
        Self { id: Uuid::new_v4(), host, started_at, settings }
    }
}

/// Sends a heartbeat.
pub async fn beat(
    database: &Database,
    this: &ThisServer,
    health: Health,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = StoredServer {
        id: this.id.to_string(),
        host: this.host.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: this.settings.clone(),
        started_at: this.started_at.naive_utc(),
        seen_at: now.naive_utc(),
        own_time: None,
        can_sign: health.can_sign,
        mail: health.mail.map(|state| state.as_str().to_owned()),
    };
    database.transaction(move |connection| servers::beat(connection, &row)).await
}

/// Removes this server, which stops. Its row remains if the database does not respond.
pub async fn leave(database: &Database, this: &ThisServer) {
    let id = this.id.to_string();
    let delete = database.transaction(move |connection| servers::delete(connection, &id));
    if !matches!(timeout(LEAVE_LIMIT, delete).await, Ok(Ok(_))) {
        log::debug!("cannot remove this server from the list of servers");
    }
}

/// All servers that share the database, by host name.
pub async fn list(database: &Database, now: DateTime<Utc>) -> Result<Vec<ListedServer>, StoreError> {
    let found = database.run(move |connection| servers::all(connection, now)).await?;
    Ok(found.into_iter().map(|(server, age)| ListedServer::new(server, age)).collect())
}

impl ListedServer {
    fn new(server: StoredServer, age: TimeDelta) -> Self {
        let status = match server.can_sign {
            _ if age >= SILENT_AFTER => Status::Silent,
            true => Status::Ready,
            false => Status::NotReady,
        };
        Self {
            id: server.id,
            host: server.host,
            version: server.version,
            started_at: server.started_at.and_utc(),
            seen_at: server.seen_at.and_utc(),
            status,
            clock_ahead: server.own_time.map(|own_time| own_time - server.seen_at),
            health: Health {
                can_sign: server.can_sign,
                mail: server.mail.map(|state| state.parse().unwrap_or(MailState::Failing)),
            },
            settings: serde_json::from_str(&server.settings).unwrap_or_default(),
        }
    }
}
