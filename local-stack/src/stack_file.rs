//! `stack.json` in the data folder: what scripts need to know about the stack.

use std::fs;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::addresses::Addresses;
use crate::{administrator, data_folder};

pub const NAME: &str = "stack.json";

/// Writes the addresses and, at the first run, the administrator's e-mail address and password. Later runs do not have
/// the password and keep what the first one wrote.
///
/// # Errors
/// One line that names the cause.
pub fn write(data: &Path, addresses: Addresses, password: Option<&SecretString>) -> Result<(), String> {
    let path = data.join(NAME);
    let mut stack: Map<String, Value> =
        fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    stack.insert("auth_url".to_owned(), addresses.auth_url().into());
    stack.insert("api_url".to_owned(), addresses.api_url().into());
    if let Some(password) = password {
        stack.insert("admin_email".to_owned(), administrator::EMAIL.into());
        stack.insert("admin_password".to_owned(), password.expose_secret().into());
    }
    data_folder::write(data, &path, &format!("{:#}\n", Value::Object(stack)))
        .map_err(|error| format!("cannot write {}: {}", path.display(), error.kind()))
}
