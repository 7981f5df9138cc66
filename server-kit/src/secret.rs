//! Secrets from settings: given as a value or as a file, and checked in the same way on every server.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::file_access;
use crate::settings::trimmed;

/// The minimum for HS256 (RFC 7518 §3.2), which is enough for every other secret too.
const MIN_BYTES: usize = 32;
/// Words that examples contain in place of a secret. Random base64 does not contain them by accident.
const PLACEHOLDERS: [&str; 14] = [
    "change-me",
    "change_me",
    "changeme",
    "example",
    "secret-goes-here",
    "your-",
    "your_",
    "yoursecret",
    "256-bit",
    "supersecret",
    "replace-me",
    "replace_me",
    "placeholder",
    "password",
];
/// The minimum of [`entropy`], in bits. 32 random decimal digits have about 100, and 80 practically always.
const MIN_ENTROPY: f64 = 80.0;
const HINT: &str = "generate one with `openssl rand -base64 32`";

/// The secret `name` from its value or from its file, without white space and a byte order mark around it. An empty
/// value counts as not set, because compose files and service managers set variables without a value. An empty file is
/// an error.
///
/// # Errors
/// One line: the file is empty, cannot be read, or other users of the machine can read it.
pub fn read(
    name: &str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, String> {
    let value = value.map(|value| trimmed(value.expose_secret())).filter(|value| !value.is_empty());
    match (value, file) {
        (Some(value), _) => Ok(Some(value.into())),
        (None, Some(path)) => read_file(name, path).map(Some),
        (None, None) => Ok(None),
    }
}

fn read_file(name: &str, path: &Path) -> Result<SecretString, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("{name}_FILE: cannot read {}: {error}", path.display()))?;
    file_access::check(path).map_err(|error| format!("{name}_FILE: {error}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{name}_FILE: {} is not text in UTF-8", path.display()))?;
    match trimmed(&text) {
        "" => Err(format!("{name}_FILE: {} is empty", path.display())),
        secret => Ok(secret.into()),
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
///
/// # Errors
/// One line: there are only separators.
pub fn list(name: &str, secrets: Option<&SecretString>) -> Result<Vec<SecretString>, String> {
    let Some(secrets) = secrets else { return Ok(Vec::new()) };
    let separate = secrets.expose_secret().split([',', '\n']).map(trimmed);
    let list: Vec<_> = separate.filter(|secret| !secret.is_empty()).map(SecretString::from).collect();
    if list.is_empty() { Err(format!("{name} has no secret between its commas: {HINT}")) } else { Ok(list) }
}

/// Checks that every secret is long enough, is hard to guess, is no placeholder and differs from all others.
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
        if is_guessable(text.as_bytes()) {
            return Err(format!(
                "{name} is easy to guess, because its characters or a pattern repeat: {HINT}"
            ));
        }
        if let Some((other, _)) = all[..index].iter().find(|(_, other)| other.expose_secret() == text) {
            return Err(format!("{name} equals {other}: give each its own secret"));
        }
    }
    Ok(())
}

/// Whether a secret of sufficient length has a shorter pattern that repeats, few different characters, or characters in
/// sequence. An estimate: only a random generator makes a good secret.
fn is_guessable(secret: &[u8]) -> bool {
    let repeats = (1..MIN_BYTES).any(|length| {
        secret.len() >= 2 * length && secret.iter().zip(&secret[length..]).all(|(one, other)| one == other)
    });
    let steps: Vec<u8> = secret.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    repeats || entropy(secret) < MIN_ENTROPY || entropy(&steps) < MIN_ENTROPY
}

/// The entropy of a text in bits, if its characters were drawn independently with the frequencies that they have in it.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let total = f64::from(counts.iter().sum::<u32>());
    let bits = |count: u32| f64::from(count) * (total / f64::from(count)).log2();
    counts.into_iter().filter(|count| *count > 0).map(bits).sum()
}

#[cfg(test)]
mod tests;
