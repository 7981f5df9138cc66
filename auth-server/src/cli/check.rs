//! `auth-server check`: would a server start with these settings and this database?

use std::fmt::Display;

use serde_json::{Value, json};
use shared_claims::{Algorithm, Clock, SystemClock};

use crate::cli::new_password::hasher;
use crate::cli::output::Report;
use crate::domain::keys::admin;
use crate::settings::Settings;
use crate::store::Database;

struct Point {
    name: &'static str,
    /// What was found, or what is wrong.
    finding: Result<String, String>,
}

/// Checks every point, even if earlier ones failed.
pub async fn run(settings: &Settings, as_json: bool) -> Result<(), String> {
    settings.risks().iter().for_each(|risk| log::warn!("{risk}"));
    let mut points = vec![
        Point { name: "settings", finding: settings.check().map(|()| "are consistent".to_owned()) },
        Point {
            name: "secrets",
            finding: settings.secrets().map(|_| "are set, long and distinct".to_owned()),
        },
        Point { name: "passwords", finding: passwords(settings).await },
    ];
    match database(settings) {
        Err(wrong) => points.push(Point { name: "database", finding: Err(wrong) }),
        Ok((found, database)) => {
            points.push(Point { name: "database", finding: Ok(found) });
            let finding = match database.check_writable().await {
                Ok(()) => Ok("the database accepts writes".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            points.push(Point { name: "writing", finding });
            points.push(Point { name: "signing keys", finding: keys(settings, &database).await });
        }
    }
    report(&points).print(as_json);
    match points.iter().filter(|point| point.finding.is_err()).count() {
        0 => Ok(()),
        failed => Err(format!("a server would not start: {failed} check(s) failed")),
    }
}

async fn passwords(settings: &Settings) -> Result<String, String> {
    let hash = hasher(settings)?.hash("not a password of any user".into()).await;
    hash.map(|_| "can be hashed".to_owned()).map_err(|error| error.to_string())
}

fn database(settings: &Settings) -> Result<(String, Database), String> {
    let url = settings.database_url()?;
    let database = Database::open_existing(&url)?;
    Ok((format!("{url} has the schema of this version"), database))
}

async fn keys(settings: &Settings, database: &Database) -> Result<String, String> {
    if settings.jwt_access_algorithm == Algorithm::Hs256 {
        return Ok("are not required with HS256".to_owned());
    }
    let checked = admin::decryptable(database, &settings.key_pairs()?, SystemClock.now()).await;
    let (open, closed) = checked.map_err(|error| error.to_string())?;
    match (open, closed.as_slice()) {
        (0, []) => Ok("none yet: the first server creates one".to_owned()),
        (open, []) => Ok(format!("{open} can be decrypted")),
        (_, closed) => Err(format!(
            "KEY_ENCRYPTION_SECRET cannot decrypt {}: set the secret that encrypted it, or set that one as \
             KEY_ENCRYPTION_SECRET_PREVIOUS",
            closed.join(", ")
        )),
    }
}

fn report(points: &[Point]) -> Report {
    let line = |point: &Point| match &point.finding {
        Ok(found) => format!("ok     {}: {found}", point.name),
        Err(wrong) => format!("FAILED {}: {wrong}", point.name),
    };
    let ok = points.iter().all(|point| point.finding.is_ok());
    Report {
        text: points.iter().map(line).collect::<Vec<_>>().join("\n"),
        json: json!({"ok": ok, "points": points.iter().map(object).collect::<Vec<_>>()}),
    }
}

fn object(point: &Point) -> Value {
    let (ok, text): (bool, &dyn Display) = match &point.finding {
        Ok(found) => (true, found),
        Err(wrong) => (false, wrong),
    };
    json!({"name": point.name, "ok": ok, "text": text.to_string()})
}
