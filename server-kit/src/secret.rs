//! Secrets from settings: given as a value or as a file, and checked in the same way on every server.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// The minimum for HS256 (RFC 7518 §3.2), which is enough for every other secret too.
const MIN_BYTES: usize = 32;
/// Words that example files contain in place of a secret.
const PLACEHOLDERS: [&str; 4] = ["change-me", "changeme", "example", "secret-goes-here"];
const HINT: &str = "generate one with `openssl rand -base64 32`";

/// The secret `name` from its value or from its file, without the line break at the end. An empty value counts as not
/// set, because compose files and service managers set variables without a value. An empty file is an error.
///
/// # Errors
/// One line: the file is empty or cannot be read.
pub fn read(
    name: &str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, String> {
    let Some(path) = file.filter(|_| value.is_none()) else {
        return Ok(value.filter(|value| !value.expose_secret().is_empty()).cloned());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{name}_FILE: cannot read {}: {error}", path.display()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{name}_FILE: {} is empty", path.display())),
        secret => Ok(Some(secret.into())),
    }
}

/// The secret, if it is set.
///
/// # Errors
/// One line: it is not set.
pub fn required(name: &str, secret: Option<SecretString>) -> Result<SecretString, String> {
    secret.ok_or_else(|| format!("{name} is not set: {HINT}"))
}

/// Several secrets, separated by commas or line breaks.
#[must_use]
pub fn list(secrets: Option<&SecretString>) -> Vec<SecretString> {
    let Some(secrets) = secrets else { return Vec::new() };
    let separate = secrets.expose_secret().split([',', '\n']).map(str::trim);
    separate.filter(|secret| !secret.is_empty()).map(SecretString::from).collect()
}

/// Checks that every secret is long enough, is no placeholder and differs from all others.
///
/// # Errors
/// One line that names the secret and does not contain it.
pub fn check(all: &[(&str, &SecretString)]) -> Result<(), String> {
    for (index, (name, secret)) in all.iter().enumerate() {
        let text = secret.expose_secret();
        if text.len() < MIN_BYTES {
            return Err(format!("{name} is shorter than {MIN_BYTES} bytes: {HINT}"));
        }
        let lower = text.to_lowercase();
        if PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder)) {
            return Err(format!("{name} is still the placeholder of an example: {HINT}"));
        }
        if let Some((other, _)) = all[..index].iter().find(|(_, other)| other.expose_secret() == text) {
            return Err(format!("{name} equals {other}: give each its own secret"));
        }
    }
    Ok(())
}
