//! `auth-server sessions`: sees and ends people's sessions without the servers.

use clap::Subcommand;
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{Report, table, time};
use crate::cli::user_output::find;
use crate::domain::users::admin;
use crate::model::{ClientInfo, Session, SessionId, device};
use crate::settings::Settings;
use crate::store::Database;

/// What to do with somebody's sessions. WHO is an id, an e-mail address or a username.
#[derive(Clone, Debug, Subcommand)]
pub enum SessionsCommand {
    /// Show those that are alive, last used first
    List {
        /// Id, e-mail address or username
        who: String,
    },
    /// End all of them, or one
    End {
        /// Id, e-mail address or username
        who: String,
        /// The id of one, as `sessions list` shows it
        session: Option<String>,
    },
}

/// Does it, and says what was done.
///
/// # Errors
/// One line that says why nothing was done.
pub async fn run(settings: &Settings, command: SessionsCommand) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    let (operator, now) = (ClientInfo::operator(), SystemClock.now());
    match command {
        SessionsCommand::List { who } => {
            let user = find(&database, &who).await?;
            let sessions = admin::sessions(&database, user.id, now).await;
            Ok(listed(&sessions.map_err(|error| error.to_string())?))
        }
        SessionsCommand::End { who, session: None } => {
            let user = find(&database, &who).await?;
            let ended = admin::end_sessions(&database, user.id, &operator, now).await;
            Ok(ended_of(&user.email, ended.map_err(|error| error.to_string())?))
        }
        SessionsCommand::End { who, session: Some(session) } => {
            let user = find(&database, &who).await?;
            let unknown = || format!("{} has no session {session} that is alive", user.email);
            let id: SessionId = session.parse().map_err(|_| unknown())?;
            let ended = admin::end_session(&database, user.id, id, &operator, now).await;
            if ended.map_err(|error| error.to_string())? {
                Ok(ended_of(&user.email, 1))
            } else {
                Err(unknown())
            }
        }
    }
}

fn ended_of(who: &impl std::fmt::Display, count: usize) -> Report {
    Report { text: format!("ended {count} session(s) of {who}"), json: json!({"ended": count}) }
}

fn listed(sessions: &[Session]) -> Report {
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
    let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
    Report {
        text: table(&["ID", "DEVICE", "ADDRESS", "OPENED", "LAST USED", "OVER BY"], &rows),
        json: json!({"sessions": sessions.iter().map(object).collect::<Vec<_>>()}),
    }
}

/// As `/admin/users/{id}/sessions` has it, where `current` says which one asks.
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
