//! `auth-server keys`: looks at the signing keys and changes them by hand.

use clap::Subcommand;
use serde_json::{Value, json};
use shared_claims::{Clock, SystemClock};

use crate::cli::output::{Report, table, time};
use crate::domain::keys::admin::{self, KeyInUse, Role};
use crate::settings::Settings;
use crate::store::Database;

/// What to do with the signing keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Show them, newest first
    List,
    /// Make the next one now; it is published first, and signs 15 minutes later
    Rotate,
    /// Take one out of use at once, with every token that it signed: the emergency brake
    Retire {
        /// Its name, as `keys list` shows it and tokens carry it
        // One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Seal all private halves with `KEY_ENCRYPTION_SECRET`; `KEY_ENCRYPTION_SECRET_PREVIOUS` is not needed any more then
    Rewrap,
}

/// Does it, and says what was done.
///
/// # Errors
/// One line that says why nothing was done.
pub async fn run(settings: &Settings, command: KeysCommand) -> Result<Report, String> {
    let database = Database::open_existing(&settings.database_url()?)?;
    let now = SystemClock.now();
    let refused = |refusal: admin::Refusal| refusal.to_string();
    match command {
        KeysCommand::List => {
            let keys = admin::list(&database, now).await.map_err(|error| error.to_string())?;
            Ok(listed(&keys))
        }
        KeysCommand::Rotate => {
            let made = admin::rotate(&settings.key_pairs()?, &database, now).await.map_err(refused)?;
            let active_from = time(made.active_from.and_utc());
            Ok(Report {
                text: format!("made {} ({}); it signs from {active_from}", made.kid, made.algorithm),
                json: json!({"kid": made.kid, "algorithm": made.algorithm, "active_from": active_from}),
            })
        }
        KeysCommand::Retire { kid } => {
            admin::retire(&database, &kid, now).await.map_err(refused)?;
            Ok(Report {
                text: format!("retired {kid}; within 10 seconds the servers sign with another"),
                json: json!({"retired": kid}),
            })
        }
        KeysCommand::Rewrap => {
            let rewrapped = admin::rewrap(&settings.key_pairs()?, &database).await.map_err(refused)?;
            Ok(Report {
                text: format!("sealed {rewrapped} key(s) with KEY_ENCRYPTION_SECRET"),
                json: json!({"rewrapped": rewrapped}),
            })
        }
    }
}

fn listed(keys: &[KeyInUse]) -> Report {
    let row = |key: &KeyInUse| {
        vec![
            key.kid.clone(),
            key.algorithm.clone(),
            role(key.role).to_owned(),
            time(key.active_from),
            key.needed_until.map_or_else(|| "unknown".to_owned(), time),
            key.encryption_key_id.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    Report {
        text: table(&["KID", "ALGORITHM", "ROLE", "SIGNS FROM", "NEEDED UNTIL", "SEALED BY"], &rows),
        json: json!({"keys": keys.iter().map(object).collect::<Vec<_>>()}),
    }
}

fn object(key: &KeyInUse) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "role": role(key.role),
        "created_at": time(key.created_at),
        "active_from": time(key.active_from),
        "needed_until": key.needed_until.map(time),
        "sealed_by": key.encryption_key_id,
    })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Next => "next",
        Role::Signing => "signing",
        Role::Verifying => "verifying",
        Role::Spent => "spent",
        Role::Retired => "retired",
    }
}
