use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::servers::{self, ListedServer, Status};
use crate::http::extract::AdminSession;
use crate::http::system::health::{Check, ClockCheck, MailCheck};

/// The auth servers that share the database.
#[derive(Serialize, ToSchema)]
pub struct Servers {
    /// By host name.
    items: Vec<ServerBody>,
}

/// An auth server. Each sends a heartbeat every 10 seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = Server)]
struct ServerBody {
    /// UUID, new at each start.
    id: String,
    /// Name of the machine or container.
    host: String,
    version: String,
    started_at: DateTime<Utc>,
    /// The last heartbeat.
    seen_at: DateTime<Utc>,
    status: Status,
    parts: Parts,
    /// Settings with their values. Secrets are only `(set)`, and settings without a value are absent.
    settings: BTreeMap<String, String>,
}

/// The parts of `/readyz` at the last heartbeat.
#[derive(Serialize, ToSchema)]
#[schema(as = ServerParts)]
struct Parts {
    database: Check,
    signing_key: Check,
    clock: ClockCheck,
    mail: MailCheck,
}

/// Lists the auth servers that share the database, with their versions and settings.
///
/// A server that stops leaves the list. One that crashed stays for a day.
#[utoipa::path(
    get, path = "/admin/servers", tag = "administration",
    responses((status = 200, description = "The servers", body = Servers)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_servers(context: web::Data<Context>, _: AdminSession) -> Result<HttpResponse, Problem> {
    let found = servers::list(&context.database, context.now()).await?;
    Ok(HttpResponse::Ok().json(Servers { items: found.into_iter().map(ServerBody::from).collect() }))
}

impl From<ListedServer> for ServerBody {
    fn from(server: ListedServer) -> Self {
        Self {
            id: server.id,
            host: server.host,
            version: server.version,
            started_at: server.started_at,
            seen_at: server.seen_at,
            status: server.status,
            parts: Parts {
                // The server wrote its heartbeat into it.
                database: Check { ok: true },
                signing_key: Check { ok: server.health.can_sign },
                clock: ClockCheck::of(server.clock_ahead),
                mail: MailCheck::of(server.health.mail),
            },
            settings: server.settings,
        }
    }
}
