#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use crate::domain::passwords::{FLASK_SECURITY, StoredHash};
use crate::domain::users::import::Options;
use crate::model::{CustomClaims, DisplayName, Email, PasswordHash, Roles, User, UserId, Username};

/// Longest name of an unknown member that is repeated.
const SHOWN_CHARS: usize = 40;

/// A line that can be read.
pub struct Person {
    pub user: User,
    /// Otherwise the id is one that we chose.
    pub has_own_id: bool,
}

/// Why a line is refused, worded for the operator. No value of the line is in it: a hash can be guessed at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// Longer than 1 MiB.
    #[error("is longer than 1 MiB")]
    TooLong,
    /// Not UTF-8, or broken.
    #[error("is not JSON")]
    NotJson,
    /// Some other JSON.
    #[error("is not a JSON object")]
    NotAnObject,
    /// Under two of its names, perhaps.
    #[error("has {0} twice")]
    Twice(String),
    /// A member that means nothing to us.
    #[error("has an unknown member {0:?}: --ignore-unknown passes over such")]
    Unknown(String),
    /// A member that is needed.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member that is not what it should be.
    #[error("{0} {1}")]
    Wrong(&'static str, String),
    /// Somebody else has it, in the database or in a line before.
    #[error("email belongs to somebody else")]
    EmailTaken,
    /// Likewise.
    #[error("username belongs to somebody else")]
    UsernameTaken,
    /// Likewise.
    #[error("id belongs to somebody else")]
    IdTaken,
}

/// Values are looked at one by one: serde's words for one of the wrong type would have it in them.
#[derive(Deserialize)]
struct Members {
    email: Option<Value>,
    #[serde(alias = "password", alias = "encrypted_password")]
    password_hash: Option<Value>,
    username: Option<Value>,
    name: Option<Value>,
    id: Option<Value>,
    roles: Option<Value>,
    claims: Option<Value>,
    disabled: Option<Value>,
    created_at: Option<Value>,
}

impl Person {
    /// Whoever is disabled is so from `now` on.
    pub fn parse(line: &[u8], options: Options, now: DateTime<Utc>) -> Result<Self, BadLine> {
        let members = members(line, options)?;
        let email = text("email", members.email)?.ok_or(BadLine::Missing("email"))?;
        let hash = text("password_hash", members.password_hash)?.ok_or(BadLine::Missing("password_hash"))?;
        let id = parsed("id", members.id, |text| text.parse().map_err(|_| "is not a UUID"))?;
        let disabled = match members.disabled {
            None => false,
            Some(Value::Bool(disabled)) => disabled,
            Some(_) => return Err(wrong("disabled", "is neither true nor false")),
        };
        let user = User {
            id: id.unwrap_or_else(UserId::random),
            email: Email::parse(&email).map_err(|error| wrong("email", error.to_string()))?,
            username: parsed("username", members.username, Username::parse)?,
            name: parsed("name", members.name, DisplayName::parse)?,
            password_hash: password_hash(hash, options)?,
            roles: members.roles.map(roles).transpose()?.unwrap_or_default().into_vec(),
            claims: members.claims.map(claims).transpose()?.unwrap_or_default().into_map(),
            version: 1,
            disabled_at: disabled.then_some(now),
            created_at: parsed("created_at", members.created_at, time)?.unwrap_or(now),
            last_login_at: None,
        };
        Ok(Self { user, has_own_id: id.is_some() })
    }
}

fn members(line: &[u8], options: Options) -> Result<Members, BadLine> {
    let mut unknown = None;
    let mut json = serde_json::Deserializer::from_slice(line);
    let note = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string().chars().take(SHOWN_CHARS).collect());
    };
    let members = serde_ignored::deserialize(&mut json, note)
        .and_then(|members| json.end().map(|()| members))
        .map_err(|error| unreadable(&error))?;
    match unknown {
        Some(name) if !options.ignore_unknown => Err(BadLine::Unknown(name)),
        _ => Ok(members),
    }
}

/// Of serde's words only the name of a member of ours is repeated.
fn unreadable(error: &serde_json::Error) -> BadLine {
    let words = error.to_string();
    let twice = words.strip_prefix("duplicate field `").and_then(|rest| rest.split_once('`'));
    match (error.classify(), twice) {
        (Category::Data, Some((name, _))) => BadLine::Twice(name.to_owned()),
        (Category::Data, None) => BadLine::NotAnObject,
        (Category::Syntax | Category::Eof | Category::Io, _) => BadLine::NotJson,
    }
}

fn wrong(name: &'static str, reason: impl Into<String>) -> BadLine {
    BadLine::Wrong(name, reason.into())
}

/// Dumps write empty texts where there is nothing.
fn text(name: &'static str, value: Option<Value>) -> Result<Option<String>, BadLine> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(wrong(name, "is not a string")),
    }
}

fn parsed<T, E: ToString>(
    name: &'static str,
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, BadLine> {
    let parsed = text(name, value)?.map(|text| parse(&text)).transpose();
    parsed.map_err(|error| wrong(name, error.to_string()))
}

fn password_hash(mut hash: String, options: Options) -> Result<PasswordHash, BadLine> {
    // Hashes of Django's forms it checks without the HMAC.
    if options.flask_security && hash.starts_with('$') {
        hash.insert_str(0, FLASK_SECURITY);
    }
    match StoredHash::parse(&hash) {
        None => Err(wrong("password_hash", "is of no form that is known")),
        Some(stored) if !stored.is_affordable() => {
            Err(wrong("password_hash", "would take more than a second or 256 MiB to check"))
        }
        Some(_) => Ok(PasswordHash(hash.into())),
    }
}

fn roles(value: Value) -> Result<Roles, BadLine> {
    let Value::Array(values) = value else { return Err(wrong("roles", "is not an array")) };
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| wrong("roles", "has something else than strings"))?;
    Roles::parse(&texts).map_err(|error| wrong("roles", error.to_string()))
}

fn claims(value: Value) -> Result<CustomClaims, BadLine> {
    CustomClaims::parse(value).map_err(|error| wrong("claims", error.to_string()))
}

/// As RFC 3339, PostgreSQL and Python write it; without a zone it is UTC.
fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let with_zone = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .map(|time| time.to_utc());
    let time = with_zone.or_else(|_| {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
            .map(|time| time.and_utc())
    });
    time.ok()
        .filter(|time| (1970..=9999).contains(&time.year()))
        .ok_or("is not a time such as 2026-01-31T12:00:00Z")
}
