//! `auth-server migrate`: applies pending migrations without starting a server.

use serde_json::json;

use crate::cli::output::Report;
use crate::settings::Settings;
use crate::store::Database;

pub fn run(settings: &Settings) -> Result<Report, String> {
    let url = settings.database_url()?;
    let applied = Database::migrate(&url)?;
    let text = if applied.is_empty() {
        format!("{url} is up to date")
    } else {
        format!("migrated {url}: applied {}", applied.join(", "))
    };
    Ok(Report::sentence(text, json!({"applied": applied})))
}
