//! `auth-server sessions`: lists and ends the sessions of a user.

use clap::Subcommand;
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::Report;
use crate::cli::paging::Paging;
use crate::cli::screen::Cell;
use crate::cli::short_id;
use crate::cli::table::{Column, Cut, Table};
use crate::cli::user_arg::UserArg;
use crate::domain::operation::Operation;
use crate::domain::sessions::Cursor;
use crate::domain::users::admin::{self, AdminError, MAX_SESSIONS};
use crate::model::{ClientInfo, Page, Session, SessionId, User, device};
use crate::settings::Settings;
use crate::store::Database;

const COLUMNS: [Column; 6] = [
    Column("DEVICE", Cut::Name),
    Column("ADDRESS", Cut::Text),
    Column("CREATED", Cut::Never),
    Column("LAST USED", Cut::Never),
    Column("EXPIRES", Cut::Never),
    Column("ID", Cut::Id),
];
const CSV: &[&str] = &["device", "ip", "created_at", "last_used_at", "expires_at", "user_agent", "id"];

#[derive(Clone, Subcommand)]
pub enum SessionsCommand {
    /// List the active sessions of a user, last used first
    List {
        /// Id, e-mail address or username
        user: UserArg,
        #[command(flatten)]
        paging: Paging<Cursor>,
    },
    /// End the sessions of a user: all, one, or all but the newest
    #[command(after_help = "\
Examples:
  End all sessions of Ann:
    auth-server sessions end ann@example.org
  End one of them; the first 8 characters of its id are enough:
    auth-server sessions end ann@example.org 3f2a9c1e
  Keep the session that Ann has just opened:
    auth-server sessions end ann@example.org --all-but-newest")]
    End {
        /// Id, e-mail address or username
        user: UserArg,
        /// Id of the session, as in `sessions list` [default: all]
        session: Option<String>,
        /// Keep the session that was opened last
        #[arg(long, conflicts_with = "session")]
        all_but_newest: bool,
    },
}

pub async fn run(settings: &Settings, command: SessionsCommand) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    let operation = Operation::new(&database, ClientInfo::operator(), SystemClock.now());
    let failed = |error: AdminError| error.to_string();
    match command {
        SessionsCommand::List { user, paging } => {
            let user = user.find(&database).await?;
            let Paging { cursor, limit } = paging;
            let page = admin::sessions(&database, user.id, operation.now, cursor, limit).await;
            Ok(list(&page.map_err(failed)?))
        }
        SessionsCommand::End { user, session: Some(session), all_but_newest: _ } => {
            let user = user.find(&database).await?;
            let none = || format!("{} has no active session {session}", user.email);
            let id = find(&operation, &user, &session).await?.ok_or_else(none)?;
            let is_ended = admin::end_session(&operation, user.id, id).await.map_err(failed)?;
            if is_ended { Ok(ended(&user, 1)) } else { Err(none()) }
        }
        SessionsCommand::End { user, session: None, all_but_newest } => {
            let user = user.find(&database).await?;
            let count = if all_but_newest {
                admin::end_sessions_but_newest(&operation, user.id).await
            } else {
                admin::end_sessions(&operation, user.id).await
            };
            Ok(ended(&user, count.map_err(failed)?))
        }
    }
}

/// The active session with an id that begins with `text`.
async fn find(operation: &Operation<'_>, user: &User, text: &str) -> Result<Option<SessionId>, String> {
    let page = admin::sessions(operation.database, user.id, operation.now, None, MAX_SESSIONS).await;
    let sessions = page.map_err(|error| error.to_string())?.items;
    let id = short_id::complete(&text.to_lowercase(), sessions.iter().map(|session| session.id.to_string()))?;
    Ok(id.and_then(|id| id.parse().ok()))
}

fn ended(user: &User, count: usize) -> Report {
    let sessions = if count == 1 { "session" } else { "sessions" };
    Report::sentence(format!("ended {count} {sessions} of {}", user.email), json!({"ended": count}))
}

fn list(page: &Page<Session, Cursor>) -> Report {
    let row = |session: &Session| {
        vec![
            Cell::optional(session.user_agent.as_deref().and_then(device)),
            Cell::optional(session.ip.clone()),
            Cell::time(session.created_at),
            Cell::time(session.rotated_at),
            Cell::time(session.expires_at),
            Cell::text(session.id.to_string()).faint(),
        ]
    };
    let table = Table::new(&COLUMNS, page.items.iter().map(row).collect(), "no active sessions");
    let next = page.next.as_ref().map(ToString::to_string);
    Report::page(table, page.items.iter().map(object).collect(), next, CSV)
}

/// Like `/admin/users/{id}/sessions`, without `current`.
fn object(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "created_at": session.created_at,
        "last_used_at": session.rotated_at,
        "expires_at": session.expires_at,
        "ip": session.ip,
        "user_agent": session.user_agent,
        "device": session.user_agent.as_deref().and_then(device),
    })
}
