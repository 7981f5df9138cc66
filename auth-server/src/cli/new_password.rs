//! New passwords, from an operator or from chance.

use std::io::BufRead as _;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::cli::output::Report;
use crate::domain::passwords::Passwords;
use crate::model::random_text;
use crate::settings::Settings;

/// A password for somebody.
pub struct NewPassword {
    /// In clear, until it is hashed.
    pub password: SecretString,
    is_random: bool,
}

impl NewPassword {
    /// The first line of standard input; or 120 random bits, where none is to be read.
    ///
    /// # Errors
    /// One line.
    pub fn get(from_stdin: bool) -> Result<Self, String> {
        let password = if from_stdin { read()? } else { random_text::<15>() };
        Ok(Self { password, is_random: !from_stdin })
    }

    /// Adds a random one to what is reported, as nobody will ever see it again.
    pub fn tell(&self, report: Report) -> Report {
        if !self.is_random {
            return report;
        }
        let password = self.password.expose_secret();
        let Report { text, mut json } = report;
        json["password"] = json!(password);
        Report { text: format!("{text}\n{:<12}{password}", "password"), json }
    }
}

/// What hashes them, as the servers do.
///
/// # Errors
/// One line.
pub fn hasher(settings: &Settings) -> Result<Passwords, String> {
    Passwords::new(settings.argon2(), None, 1)
}

fn read() -> Result<SecretString, String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| format!("cannot read the password: {error}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains('\0') {
        return Err("standard input has no password in its first line".to_owned());
    }
    Ok(password.into())
}
