//! One line of an import, parsed and validated.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use crate::domain::factors::Totp;
use crate::domain::keys::KeyEncryption;
use crate::domain::passwords::{FLASK_SECURITY, StoredHash};
use crate::domain::users::import::Options;
use crate::model::{CustomClaims, DisplayName, Email, PasswordHash, Roles, User, UserId, Username};
use crate::store::totp_factors::TotpFactor;

/// How much of an unknown member's name is printed.
const SHOWN_CHARS: usize = 40;

pub struct ImportedUser {
    pub user: User,
    /// An authenticator app, confirmed.
    pub app: Option<TotpFactor>,
    /// The line contains the id. Otherwise it is random.
    pub has_own_id: bool,
}

/// Why a line is rejected, worded for the operator. Never contains a value of the line: it may be a password hash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    #[error("is longer than 1 MiB")]
    TooLong,
    /// Not UTF-8, or not JSON.
    #[error("is not JSON")]
    NotJson,
    /// Another JSON value.
    #[error("is not a JSON object")]
    NotAnObject,
    /// A member occurs twice, possibly under two of its names.
    #[error("has a duplicate member {0}")]
    Duplicate(String),
    #[error("has an unknown member {0:?}; use --ignore-unknown to skip unknown members")]
    Unknown(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} {1}")]
    Invalid(&'static str, String),
    /// In the database or in an earlier line.
    #[error("email belongs to another user")]
    EmailTaken,
    #[error("username belongs to another user")]
    UsernameTaken,
    #[error("id belongs to another user")]
    IdTaken,
}

/// Untyped, because serde's message for a value of the wrong type would contain the value.
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
    email_verified: Option<Value>,
    created_at: Option<Value>,
    totp: Option<Value>,
}

impl ImportedUser {
    /// A disabled user is disabled since `now`.
    pub fn parse(line: &[u8], options: Options<'_>, now: DateTime<Utc>) -> Result<Self, BadLine> {
        let members = members(line, options)?;
        let email = text("email", members.email)?.ok_or(BadLine::Missing("email"))?;
        let hash = text("password_hash", members.password_hash)?.ok_or(BadLine::Missing("password_hash"))?;
        let id = parsed("id", members.id, |text| text.parse().map_err(|_| "is not a UUID"))?;
        let disabled = match members.disabled {
            None => false,
            Some(Value::Bool(disabled)) => disabled,
            Some(_) => return Err(invalid("disabled", "must be true or false")),
        };
        let email_verified = match members.email_verified {
            None => false,
            Some(Value::Bool(verified)) => verified,
            Some(_) => return Err(invalid("email_verified", "must be true or false")),
        };
        let user = User {
            id: id.unwrap_or_else(UserId::random),
            email: Email::parse(&email).map_err(|error| invalid("email", error.to_string()))?,
            username: parsed("username", members.username, Username::parse)?,
            name: parsed("name", members.name, DisplayName::parse)?,
            password_hash: password_hash(&hash, options)?,
            roles: members.roles.map(roles).transpose()?.unwrap_or_default().into_vec(),
            claims: members.claims.map(claims).transpose()?.unwrap_or_default().into_map(),
            version: 1,
            disabled_at: disabled.then_some(now),
            created_at: parsed("created_at", members.created_at, time)?.unwrap_or(now),
            last_login_at: None,
            temporary_password_expires_at: None,
            email_verified_at: email_verified.then_some(now),
            locale: None,
            second_factor: false,
        };
        let app = app(members.totp, user.id, options.totp_encryption, now)?;
        let user = User { second_factor: app.is_some(), ..user };
        Ok(Self { user, app, has_own_id: id.is_some() })
    }
}

/// The row of an authenticator app, which needs no confirmation: the user has used it elsewhere.
fn app(
    value: Option<Value>,
    user: UserId,
    encryption: Option<&KeyEncryption>,
    now: DateTime<Utc>,
) -> Result<Option<TotpFactor>, BadLine> {
    let Some(text) = text("totp", value)? else { return Ok(None) };
    let totp = Totp::parse(&text.into()).map_err(|error| invalid("totp", error.to_string()))?;
    let encryption = encryption.ok_or_else(|| invalid("totp", "requires KEY_ENCRYPTION_SECRET"))?;
    let app = totp.into_factor(user, None, encryption, now);
    let app = app.ok_or_else(|| invalid("totp", "cannot be encrypted"))?;
    Ok(Some(TotpFactor { confirmed_at: Some(now.naive_utc()), ..app }))
}

fn members(line: &[u8], options: Options) -> Result<Members, BadLine> {
    let mut unknown = None;
    let mut json = serde_json::Deserializer::from_slice(line);
    let record = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string().chars().take(SHOWN_CHARS).collect());
    };
    let members = serde_ignored::deserialize(&mut json, record)
        .and_then(|members| json.end().map(|()| members))
        .map_err(|error| bad_json(&error))?;
    match unknown {
        Some(name) if !options.ignore_unknown => Err(BadLine::Unknown(name)),
        _ => Ok(members),
    }
}

/// serde's message may contain values, so only the name of a known member is taken from it.
fn bad_json(error: &serde_json::Error) -> BadLine {
    let message = error.to_string();
    let duplicate = message.strip_prefix("duplicate field `").and_then(|rest| rest.split_once('`'));
    match (error.classify(), duplicate) {
        (Category::Data, Some((name, _))) => BadLine::Duplicate(name.to_owned()),
        (Category::Data, None) => BadLine::NotAnObject,
        (Category::Syntax | Category::Eof | Category::Io, _) => BadLine::NotJson,
    }
}

fn invalid(name: &'static str, reason: impl Into<String>) -> BadLine {
    BadLine::Invalid(name, reason.into())
}

/// Dumps write an empty string for a missing value.
fn text(name: &'static str, value: Option<Value>) -> Result<Option<String>, BadLine> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid(name, "is not a string")),
    }
}

fn parsed<T, E: ToString>(
    name: &'static str,
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, BadLine> {
    let parsed = text(name, value)?.map(|text| parse(&text)).transpose();
    parsed.map_err(|error| invalid(name, error.to_string()))
}

fn password_hash(hash: &str, options: Options) -> Result<PasswordHash, BadLine> {
    // A column of type CHAR(n) is filled with blanks.
    let mut hash = hash.trim().to_owned();
    // Flask-Security verifies hashes in Django's formats without the HMAC.
    if options.flask_security && hash.starts_with('$') {
        hash.insert_str(0, FLASK_SECURITY);
    }
    match StoredHash::parse(&hash) {
        None => Err(invalid("password_hash", "has an unknown format")),
        Some(stored) if !stored.is_affordable() => {
            Err(invalid("password_hash", "takes more than a second or 256 MiB to verify"))
        }
        Some(_) => Ok(PasswordHash(hash.into())),
    }
}

fn roles(value: Value) -> Result<Roles, BadLine> {
    let Value::Array(values) = value else { return Err(invalid("roles", "is not an array")) };
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| invalid("roles", "must contain only strings"))?;
    Roles::parse(&texts).map_err(|error| invalid("roles", error.to_string()))
}

fn claims(value: Value) -> Result<CustomClaims, BadLine> {
    CustomClaims::parse(value).map_err(|error| invalid("claims", error.to_string()))
}

/// In the formats of RFC 3339, PostgreSQL and Python. Without a time zone it is UTC.
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
