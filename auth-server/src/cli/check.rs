//! `auth-server check`: would a server start with these settings and this database?

use serde_json::{Value, json};
use shared_claims::{Algorithm, Clock, SystemClock};

use crate::cli::misspelt::misspelt_variables;
use crate::cli::new_password::hasher;
use crate::cli::output::{OutputOptions, Report, Text};
use crate::cli::screen::Cell;
use crate::domain::keys::admin;
use crate::settings::Settings;
use crate::store::Database;

struct Point {
    name: &'static str,
    /// What was found, or what is wrong.
    finding: Result<String, String>,
}

/// Checks every point, even if earlier ones failed.
pub async fn run(settings: &Settings, output: OutputOptions) -> Result<(), String> {
    let mut points = vec![
        Point { name: "settings", finding: settings.check().map(|()| "are consistent".to_owned()) },
        Point {
            name: "secrets",
            finding: settings.secrets().map(|_| "are set, long and distinct".to_owned()),
        },
        Point { name: "TLS", finding: tls(settings) },
        Point { name: "passwords", finding: passwords(settings).await },
        Point { name: "mail", finding: mail(settings) },
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
    report(&points, &warnings(settings)).print(output);
    match points.iter().filter(|point| point.finding.is_err()).count() {
        0 => Ok(()),
        1 => Err("a server would not start: 1 check failed".to_owned()),
        failed => Err(format!("a server would not start: {failed} checks failed")),
    }
}

fn tls(settings: &Settings) -> Result<String, String> {
    Ok(match settings.tls.expiry(SystemClock.now())? {
        None => "is off: plain HTTP, for a proxy in front".to_owned(),
        Some(expiry) => format!("the certificate is valid until {expiry}"),
    })
}

/// The settings and the templates. `mail check` also connects to the mail server.
fn mail(settings: &Settings) -> Result<String, String> {
    Ok(match settings.mailer()? {
        None => "is off".to_owned(),
        Some(mailer) => format!("all templates can be rendered, and mails come from {}", mailer.from()),
    })
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

/// Settings that weaken the server, and variables that are probably misspelt.
fn warnings(settings: &Settings) -> Vec<String> {
    let variables: Vec<String> =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    [settings.risks(), misspelt_variables(&variables)].concat()
}

fn report(points: &[Point], warnings: &[String]) -> Report {
    let point_line = |point: &Point| match &point.finding {
        Ok(found) => (Cell::text("ok").good(), format!("{}: {found}", point.name)),
        Err(wrong) => (Cell::text("FAILED").bad(), format!("{}: {wrong}", point.name)),
    };
    let warning_line = |warning: &String| (Cell::text("warning").warning(), warning.clone());
    let lines = points.iter().map(point_line).chain(warnings.iter().map(warning_line)).collect();
    let ok = points.iter().all(|point| point.finding.is_ok());
    Report {
        text: Text::Findings(lines),
        json: json!({"ok": ok, "items": points.iter().map(object).collect::<Vec<_>>(), "warnings": warnings}),
        columns: &["name", "ok", "text"],
    }
}

fn object(point: &Point) -> Value {
    let (ok, text) = match &point.finding {
        Ok(found) => (true, found),
        Err(wrong) => (false, wrong),
    };
    json!({"name": point.name, "ok": ok, "text": text})
}
