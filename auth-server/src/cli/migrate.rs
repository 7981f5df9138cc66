//! `auth-server migrate`: brings the database up to date without starting a server.

use serde_json::json;

use crate::cli::output::Report;
use crate::settings::Settings;
use crate::store::Database;

/// Does it, and says what was done.
///
/// # Errors
/// One line that says why the database is as it was.
pub fn run(settings: &Settings) -> Result<Report, String> {
    let url = settings.database_url()?;
    let done = Database::migrate(&url)?;
    let text = if done.is_empty() {
        format!("{url} is up to date")
    } else {
        format!("{url} is up to date now: applied {}", done.join(", "))
    };
    Ok(Report { text, json: json!({"applied": done}) })
}
