use std::io::{self, BufRead as _, IsTerminal as _, Write as _, stderr, stdin};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::cli::output::{Report, Text};
use crate::cli::screen::Cell;
use crate::domain::passwords::PasswordHasher;
use crate::model::{Email, random_text};
use crate::settings::Settings;

/// A password for a user, from the operator or generated.
pub struct NewPassword {
    pub password: SecretString,
    is_random: bool,
}

impl NewPassword {
    /// The password that the operator enters or pipes in, or 120 random bits.
    pub fn get(from_stdin: bool, email: &Email) -> Result<Self, String> {
        let password = match from_stdin {
            false => random_text::<15>(),
            true if stdin().is_terminal() => ask(email)?,
            true => piped()?,
        };
        Ok(Self { password, is_random: !from_stdin })
    }

    /// Adds a generated password to the report. It is not shown again.
    pub fn add_to(&self, mut report: Report) -> Report {
        if !self.is_random {
            return report;
        }
        let password = self.password.expose_secret();
        if let Text::Details { rows, .. } = &mut report.text {
            rows.push(("password", Cell::text(password).good()));
        }
        report.json["password"] = json!(password);
        Report { columns: &[], ..report }
    }
}

/// Hashes with the cost of the servers.
pub fn hasher(settings: &Settings) -> Result<PasswordHasher, String> {
    PasswordHasher::new(settings.argon2()?, None, 1)
}

/// Asks twice, without echo.
fn ask(email: &Email) -> Result<SecretString, String> {
    let password = prompt(&format!("New password for {email}: "))?;
    let repeated = prompt("Repeat the password: ")?;
    if password.expose_secret() == repeated.expose_secret() {
        Ok(password)
    } else {
        Err("the passwords differ".to_owned())
    }
}

fn piped() -> Result<SecretString, String> {
    let line = read_line().map_err(|error| format!("cannot read the password: {error}"))?;
    line.ok_or_else(|| "the first line of standard input is not a password".to_owned())
}

fn prompt(question: &str) -> Result<SecretString, String> {
    let failed = |error| format!("cannot read the password: {error}");
    let original = tcgetattr(stdin()).map_err(|error| failed(error.into()))?;
    let mut silent = original.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    // Before the question, so that no character of a fast answer is shown.
    tcsetattr(stdin(), OptionalActions::Now, &silent).map_err(|error| failed(error.into()))?;
    eprint!("{question}");
    let _ = stderr().flush();
    let line = read_line();
    tcsetattr(stdin(), OptionalActions::Now, &original).map_err(|error| failed(error.into()))?;
    line.map_err(failed)?.ok_or_else(|| "no password was entered".to_owned())
}

/// The first line of standard input, if it can be a password.
fn read_line() -> io::Result<Option<SecretString>> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    Ok((!password.is_empty() && !password.contains('\0')).then(|| password.into()))
}
