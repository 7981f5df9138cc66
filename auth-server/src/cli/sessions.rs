//! `auth-server sessions`: lists and ends the sessions of a user.

use clap::Subcommand;
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{Report, table, time};
use crate::cli::user_arg::UserArg;
use crate::domain::operation::Operation;
use crate::domain::sessions::{Cursor, Page};
use crate::domain::users::admin;
use crate::model::{ClientInfo, Session, SessionId, User, device};
use crate::settings::Settings;
use crate::store::Database;

#[derive(Clone, Subcommand)]
pub enum SessionsCommand {
    /// List the active sessions of a user, last used first
    List {
        /// Id, e-mail address or username
        user: UserArg,
        /// Maximum number of sessions
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// Continue after a previous page: the cursor that it printed
        #[arg(long)]
        cursor: Option<Cursor>,
    },
    /// End one session of a user, or all of them
    End {
        /// Id, e-mail address or username
        user: UserArg,
        /// Id of the session, as in `sessions list` [default: all]
        session: Option<SessionId>,
    },
}

pub async fn run(settings: &Settings, command: SessionsCommand) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    let operation = Operation::new(&database, ClientInfo::operator(), SystemClock.now());
    match command {
        SessionsCommand::List { user, limit, cursor } => {
            let user = user.find(&database).await?;
            let page = admin::sessions(&database, user.id, operation.now, cursor, limit).await;
            Ok(list(&page.map_err(|error| error.to_string())?))
        }
        SessionsCommand::End { user, session: None } => {
            let user = user.find(&database).await?;
            let count = admin::end_sessions(&operation, user.id).await;
            Ok(ended(&user, count.map_err(|error| error.to_string())?))
        }
        SessionsCommand::End { user, session: Some(session) } => {
            let user = user.find(&database).await?;
            let is_ended = admin::end_session(&operation, user.id, session).await;
            if is_ended.map_err(|error| error.to_string())? {
                Ok(ended(&user, 1))
            } else {
                Err(format!("{} has no active session {session}", user.email))
            }
        }
    }
}

fn ended(user: &User, count: usize) -> Report {
    Report { text: format!("ended {count} session(s) of {}", user.email), json: json!({"ended": count}) }
}

/// A table, and the cursor of the next page.
fn list(page: &Page) -> Report {
    let optional = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = |session: &Session| {
        vec![
            session.id.to_string(),
            optional(session.user_agent.as_deref().and_then(device)),
            optional(session.ip.clone()),
            time(session.created_at),
            time(session.rotated_at),
            time(session.expires_at),
        ]
    };
    let rows: Vec<Vec<String>> = page.sessions.iter().map(row).collect();
    let mut lines = vec![table(&["ID", "DEVICE", "ADDRESS", "CREATED", "LAST USED", "EXPIRES"], &rows)];
    let mut json = json!({"items": page.sessions.iter().map(object).collect::<Vec<_>>()});
    if let Some(next) = &page.next {
        lines.push(format!("next page: --cursor {next}"));
        json["next_cursor"] = json!(next.to_string());
    }
    Report { text: lines.join("\n"), json }
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
