//! `auth-server keys`: lists and changes the signing keys.

use clap::Subcommand;
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{Report, table, time};
use crate::domain::keys::admin::{self, KeyAdminError, Role};
use crate::domain::operation::Operation;
use crate::model::ClientInfo;
use crate::settings::Settings;
use crate::store::Database;
use crate::store::signing_keys::StoredKey;

#[derive(Clone, Subcommand)]
pub enum KeysCommand {
    /// List the signing keys, newest first
    List,
    /// Create the next key now; it is published immediately and signs 15 minutes later
    Rotate,
    /// Revoke a key immediately, with every token that it signed: for a leaked key
    Retire {
        /// Id of the key, as in `keys list` and in the header of tokens
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
            let active_from = time(key.active_from.and_utc());
            Ok(Report {
                text: format!("created key {} ({}), which signs from {active_from}", key.kid, key.algorithm),
                json: json!({"kid": key.kid, "algorithm": key.algorithm, "active_from": active_from}),
            })
        }
        KeysCommand::Retire { kid } => {
            admin::retire(&operation, &kid).await.map_err(failed)?;
            Ok(Report {
                text: format!("retired key {kid}; within 10 seconds all servers sign with another key"),
                json: json!({"retired": kid}),
            })
        }
        KeysCommand::Rewrap => {
            let rewrapped = admin::rewrap(&database, &settings.key_pairs()?).await.map_err(failed)?;
            Ok(Report {
                text: format!("encrypted {rewrapped} key(s) with KEY_ENCRYPTION_SECRET"),
                json: json!({"rewrapped": rewrapped}),
            })
        }
    }
}

fn list(keys: &[(StoredKey, Role)]) -> Report {
    let row = |(key, role): &(StoredKey, Role)| {
        vec![
            key.kid.clone(),
            key.algorithm.clone(),
            role_name(*role).to_owned(),
            time(key.active_from.and_utc()),
            key.needed_until.map_or_else(|| "unknown".to_owned(), |until| time(until.and_utc())),
            key.encryption_key_id.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    Report {
        text: table(&["KID", "ALGORITHM", "ROLE", "SIGNS FROM", "NEEDED UNTIL", "ENCRYPTED BY"], &rows),
        json: json!({"keys": keys.iter().map(object).collect::<Vec<_>>()}),
    }
}

fn object((key, role): &(StoredKey, Role)) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "role": role_name(*role),
        "created_at": time(key.created_at.and_utc()),
        "active_from": time(key.active_from.and_utc()),
        "needed_until": key.needed_until.map(|until| time(until.and_utc())),
        "sealed_by": key.encryption_key_id,
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
