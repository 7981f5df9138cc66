//! `auth-server keys`: lists and changes the signing keys.

use clap::Subcommand;
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::Report;
use crate::cli::screen::{Cell, absolute};
use crate::cli::short_id;
use crate::cli::table::{Column, Cut, Table};
use crate::domain::keys::admin::{self, KeyAdminError, Role};
use crate::domain::operation::Operation;
use crate::model::ClientInfo;
use crate::settings::Settings;
use crate::store::Database;
use crate::store::signing_keys::StoredKey;

const COLUMNS: [Column; 6] = [
    Column("ROLE", Cut::Never),
    Column("ALGORITHM", Cut::Never),
    Column("SIGNS FROM", Cut::Never),
    Column("NEEDED UNTIL", Cut::Never),
    Column("ENCRYPTED BY", Cut::Text),
    Column("KID", Cut::Id),
];
const CSV: &[&str] =
    &["role", "algorithm", "created_at", "active_from", "needed_until", "encrypted_by", "kid"];

#[derive(Clone, Subcommand)]
pub enum KeysCommand {
    /// List the signing keys, newest first
    List,
    /// Create the next key now; it is published immediately and signs 15 minutes later
    Rotate,
    /// Revoke a key immediately, with every token that it signed: for a leaked key
    Retire {
        /// Id of the key, as in `keys list` and in the header of tokens; the first 8 characters are enough
        // One in 64 starts with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Encrypt all private keys with `KEY_ENCRYPTION_SECRET`, so that `KEY_ENCRYPTION_SECRET_PREVIOUS` can be removed
    Rewrap,
}

pub async fn run(settings: &Settings, command: KeysCommand) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    let operation = Operation::new(&database, ClientInfo::operator(), SystemClock.now());
    let failed = |error: KeyAdminError| error.to_string();
    match command {
        KeysCommand::List => {
            let keys = admin::list(&database, operation.now).await.map_err(|error| error.to_string())?;
            Ok(list(&keys))
        }
        KeysCommand::Rotate => {
            let key = admin::rotate(&operation, &settings.key_pairs()?).await.map_err(failed)?;
            let active_from = absolute(key.active_from.and_utc());
            Ok(Report::sentence(
                format!("created key {} ({}), which signs from {active_from}", key.kid, key.algorithm),
                json!({"kid": key.kid, "algorithm": key.algorithm, "active_from": active_from}),
            ))
        }
        KeysCommand::Retire { kid } => {
            let keys = admin::list(&database, operation.now).await.map_err(|error| error.to_string())?;
            let kid = short_id::complete(&kid, keys.into_iter().map(|(key, _)| key.kid))?.unwrap_or(kid);
            admin::retire(&operation, &kid).await.map_err(failed)?;
            Ok(Report::sentence(
                format!("retired key {kid}; within 10 seconds all servers sign with another key"),
                json!({"retired": kid}),
            ))
        }
        KeysCommand::Rewrap => {
            let rewrapped = admin::rewrap(&database, &settings.key_pairs()?).await.map_err(failed)?;
            let keys = if rewrapped == 1 { "key" } else { "keys" };
            Ok(Report::sentence(
                format!("encrypted {rewrapped} {keys} with KEY_ENCRYPTION_SECRET"),
                json!({"rewrapped": rewrapped}),
            ))
        }
    }
}

fn list(keys: &[(StoredKey, Role)]) -> Report {
    let row = |(key, role): &(StoredKey, Role)| {
        vec![
            match role {
                Role::Signing => Cell::text(role_name(*role)).good(),
                Role::Retired => Cell::text(role_name(*role)).bad(),
                Role::Next | Role::Verifying | Role::Spent => Cell::text(role_name(*role)),
            },
            Cell::text(&key.algorithm),
            Cell::time(key.active_from.and_utc()),
            key.needed_until.map_or_else(|| Cell::text("unknown"), |until| Cell::time(until.and_utc())),
            Cell::text(&key.encryption_key_id),
            Cell::text(&key.kid).faint(),
        ]
    };
    let table = Table::new(&COLUMNS, keys.iter().map(row).collect(), "no signing keys");
    Report::page(table, keys.iter().map(object).collect(), None, CSV)
}

fn object((key, role): &(StoredKey, Role)) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "role": role_name(*role),
        "created_at": absolute(key.created_at.and_utc()),
        "active_from": absolute(key.active_from.and_utc()),
        "needed_until": key.needed_until.map(|until| absolute(until.and_utc())),
        "encrypted_by": key.encryption_key_id,
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Next => "next",
        Role::Signing => "signing",
        Role::Verifying => "verifying",
        Role::Spent => "spent",
        Role::Retired => "retired",
    }
}
