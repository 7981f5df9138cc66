use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// What HS256 needs (RFC 7518 §3.2).
const MIN_BYTES: usize = 32;
/// What example files say where a secret belongs.
const PLACEHOLDERS: [&str; 4] = ["change-me", "changeme", "example", "secret-goes-here"];

/// The secret `name`, from its value or its file. An empty value counts as not set; an empty file is a mistake.
pub fn read(
    name: &str,
    value: Option<SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, String> {
    let secret = match (value, file) {
        (Some(value), _) => value,
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                format!("{name}_FILE: cannot read {} ({error}): give a file", path.display())
            })?;
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Err(format!(
                    "{name}_FILE: {} is empty: give a file with the secret in it",
                    path.display()
                ));
            }
            SecretString::from(text)
        }
        (None, None) => return Ok(None),
    };
    let text = secret.expose_secret();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() < MIN_BYTES {
        return Err(format!(
            "{name} is shorter than {MIN_BYTES} bytes: `openssl rand -base64 32` makes a good one"
        ));
    }
    let lower = text.to_lowercase();
    if PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder)) {
        return Err(format!(
            "{name} is still an example's value: `openssl rand -base64 32` makes a good one"
        ));
    }
    Ok(Some(secret))
}
