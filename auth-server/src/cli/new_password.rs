use std::io::BufRead as _;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::cli::output::Report;
use crate::domain::passwords::PasswordHasher;
use crate::model::random_text;
use crate::settings::Settings;

/// A password for a user, from the operator or generated.
pub struct NewPassword {
    pub password: SecretString,
    is_random: bool,
}

impl NewPassword {
    /// The first line of standard input, or 120 random bits.
    pub fn get(from_stdin: bool) -> Result<Self, String> {
        let password = if from_stdin { read_line()? } else { random_text::<15>() };
        Ok(Self { password, is_random: !from_stdin })
    }

    /// Adds a generated password to the report. It is not shown again.
    pub fn add_to(&self, report: Report) -> Report {
        if !self.is_random {
            return report;
        }
        let password = self.password.expose_secret();
        let Report { text, mut json } = report;
        json["password"] = json!(password);
        Report { text: format!("{text}\n{:<12}{password}", "password"), json }
    }
}

/// Hashes with the cost of the servers.
pub fn hasher(settings: &Settings) -> Result<PasswordHasher, String> {
    PasswordHasher::new(settings.argon2()?, None, 1)
}

fn read_line() -> Result<SecretString, String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| format!("cannot read the password: {error}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains('\0') {
        return Err("the first line of standard input is not a password".to_owned());
    }
    Ok(password.into())
}
