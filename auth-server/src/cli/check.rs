//! `auth-server check`: would a server start with these settings, on this database? Changes nothing.

use std::fmt::Display;

use serde_json::{Value, json};
use shared_claims::{Algorithm, Clock, SystemClock};

use crate::cli::new_password::hasher;
use crate::cli::output::Report;
use crate::domain::keys::admin;
use crate::settings::Settings;
use crate::store::Database;

/// What was looked at, and whether all of it is right.
pub struct Outcome {
    /// A line for each point.
    pub report: Report,
    /// How many points are wrong.
    pub wrong: usize,
}

struct Point {
    name: &'static str,
    /// What is there, or what is wrong.
    finding: Result<String, String>,
}

/// Looks at everything, also where something is wrong already.
pub async fn run(settings: &Settings) -> Outcome {
    let mut points = vec![
        Point { name: "settings", finding: settings.check().map(|()| "agree with one another".to_owned()) },
        Point {
            name: "secrets",
            finding: settings.secrets().map(|_| "are there, long enough, and none twice".to_owned()),
        },
        Point { name: "passwords", finding: hasher(settings).map(|_| "can be hashed".to_owned()) },
    ];
    match database(settings) {
        Err(wrong) => points.push(Point { name: "database", finding: Err(wrong) }),
        Ok((found, database)) => {
            points.push(Point { name: "database", finding: Ok(found) });
            let writable = database.check_writable().await;
            let finding =
                writable.map(|()| "can be written to".to_owned()).map_err(|error| error.to_string());
            points.push(Point { name: "writing", finding });
            points.push(Point { name: "signing keys", finding: keys(settings, &database).await });
        }
    }
    outcome(&points)
}

fn database(settings: &Settings) -> Result<(String, Database), String> {
    let url = settings.database_url()?;
    let database = Database::open_existing(&url)?;
    Ok((format!("{url} is there, and of this version"), database))
}

async fn keys(settings: &Settings, database: &Database) -> Result<String, String> {
    if settings.jwt_access_algorithm == Algorithm::Hs256 {
        return Ok("are not needed with HS256".to_owned());
    }
    let looked = admin::openable(&settings.key_pairs()?, database, SystemClock.now()).await;
    let (open, closed) = looked.map_err(|error| error.to_string())?;
    match (open, closed.as_slice()) {
        (0, []) => Ok("will be made by the first server".to_owned()),
        (open, []) => Ok(format!("open with KEY_ENCRYPTION_SECRET: {open}")),
        (_, closed) => Err(format!(
            "KEY_ENCRYPTION_SECRET does not open {}: give the one that sealed it, or name that in \
             KEY_ENCRYPTION_SECRET_PREVIOUS",
            closed.join(", ")
        )),
    }
}

fn outcome(points: &[Point]) -> Outcome {
    let line = |point: &Point| match &point.finding {
        Ok(found) => format!("ok     {}: {found}", point.name),
        Err(wrong) => format!("WRONG  {}: {wrong}", point.name),
    };
    let lines: Vec<String> = points.iter().map(line).collect();
    let wrong = points.iter().filter(|point| point.finding.is_err()).count();
    let points: Vec<Value> = points.iter().map(object).collect();
    Outcome {
        report: Report { text: lines.join("\n"), json: json!({"ok": wrong == 0, "points": points}) },
        wrong,
    }
}

fn object(point: &Point) -> Value {
    let (ok, text): (bool, &dyn Display) = match &point.finding {
        Ok(found) => (true, found),
        Err(wrong) => (false, wrong),
    };
    json!({"name": point.name, "ok": ok, "text": text.to_string()})
}
