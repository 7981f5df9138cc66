use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use shared_claims::Algorithm;
use shared_claims::http::bearer::is_bearer_token;

use crate::settings::Settings;
use crate::store::DatabaseUrl;

const MIN_BYTES: usize = 32;
/// What example files say where a secret belongs.
const PLACEHOLDERS: [&str; 4] = ["change-me", "changeme", "example", "secret-goes-here"];

/// The secrets: those of ours long enough, none twice.
#[derive(Debug)]
pub struct Secrets {
    /// `JWT_REFRESH_SECRET`
    pub refresh: SecretString,
    /// `JWT_REFRESH_SECRETS_ACCEPTED`
    pub refresh_accepted: Vec<SecretString>,
    /// `KEY_ENCRYPTION_SECRET`; HS256 needs none.
    pub key_encryption: Option<SecretString>,
    /// `KEY_ENCRYPTION_SECRET_PREVIOUS`
    pub key_encryption_previous: Option<SecretString>,
    /// `JWT_ACCESS_SECRET`, with HS256.
    pub access: Option<SecretString>,
    /// `JWT_ACCESS_SECRETS_ACCEPTED`, with HS256.
    pub access_accepted: Vec<SecretString>,
    /// `REVOCATION_FEED_TOKEN`
    pub feed_tokens: Vec<SecretString>,
    /// `FLASK_SECURITY_PASSWORD_SALT`: as the other system has it, however short.
    pub flask_security_password_salt: Option<SecretString>,
}

impl Secrets {
    pub(super) fn read(settings: &Settings) -> Result<Self, String> {
        let of = |name, value: &Option<SecretString>, file: &Option<_>| {
            read(name, value.as_ref(), file.as_deref())
        };
        let hs256 = settings.jwt_access_algorithm == Algorithm::Hs256;
        let refresh =
            of("JWT_REFRESH_SECRET", &settings.jwt_refresh_secret, &settings.jwt_refresh_secret_file)?;
        let refresh_accepted = of(
            "JWT_REFRESH_SECRETS_ACCEPTED",
            &settings.jwt_refresh_secrets_accepted,
            &settings.jwt_refresh_secrets_accepted_file,
        )?;
        let (key_encryption, key_encryption_previous) = encryption(settings)?;
        let access = of("JWT_ACCESS_SECRET", &settings.jwt_access_secret, &settings.jwt_access_secret_file)?;
        let access_accepted = of(
            "JWT_ACCESS_SECRETS_ACCEPTED",
            &settings.jwt_access_secrets_accepted,
            &settings.jwt_access_secrets_accepted_file,
        )?;
        if !hs256 && (access.is_some() || access_accepted.is_some()) {
            return Err(format!(
                "JWT_ACCESS_SECRET is for HS256, and JWT_ACCESS_ALGORITHM is {}: give one or the other",
                settings.jwt_access_algorithm
            ));
        }
        let secrets = Self {
            refresh: needed("JWT_REFRESH_SECRET", refresh)?,
            refresh_accepted: list(refresh_accepted),
            key_encryption: if hs256 {
                key_encryption
            } else {
                Some(needed("KEY_ENCRYPTION_SECRET", key_encryption)?)
            },
            key_encryption_previous,
            access: if hs256 { Some(needed("JWT_ACCESS_SECRET", access)?) } else { None },
            access_accepted: list(access_accepted),
            feed_tokens: list(of(
                "REVOCATION_FEED_TOKEN",
                &settings.revocation_feed_token,
                &settings.revocation_feed_token_file,
            )?),
            flask_security_password_salt: of(
                "FLASK_SECURITY_PASSWORD_SALT",
                &settings.flask_security_password_salt,
                &settings.flask_security_password_salt_file,
            )?,
        };
        check(&secrets.named())?;
        if !secrets.feed_tokens.iter().all(|token| is_bearer_token(token.expose_secret())) {
            return Err(
                "REVOCATION_FEED_TOKEN has characters that no Authorization header takes: `openssl rand -base64 32` makes a good one"
                    .to_owned(),
            );
        }
        Ok(secrets)
    }

    fn named(&self) -> Vec<(&'static str, &SecretString)> {
        let mut all = vec![("JWT_REFRESH_SECRET", &self.refresh)];
        all.extend(self.key_encryption.iter().map(|secret| ("KEY_ENCRYPTION_SECRET", secret)));
        let previous = self.key_encryption_previous.iter();
        all.extend(previous.map(|secret| ("KEY_ENCRYPTION_SECRET_PREVIOUS", secret)));
        all.extend(self.access.iter().map(|secret| ("JWT_ACCESS_SECRET", secret)));
        all.extend(self.refresh_accepted.iter().map(|secret| ("JWT_REFRESH_SECRETS_ACCEPTED", secret)));
        all.extend(self.feed_tokens.iter().map(|secret| ("REVOCATION_FEED_TOKEN", secret)));
        all.extend(self.access_accepted.iter().map(|secret| ("JWT_ACCESS_SECRETS_ACCEPTED", secret)));
        all
    }
}

/// `KEY_ENCRYPTION_SECRET` and the one before, without a look at the other secrets.
pub(super) fn key_encryption(settings: &Settings) -> Result<(SecretString, Option<SecretString>), String> {
    let (secret, previous) = encryption(settings)?;
    let secret = needed("KEY_ENCRYPTION_SECRET", secret)?;
    let mut all = vec![("KEY_ENCRYPTION_SECRET", &secret)];
    all.extend(previous.iter().map(|secret| ("KEY_ENCRYPTION_SECRET_PREVIOUS", secret)));
    check(&all)?;
    Ok((secret, previous))
}

fn encryption(settings: &Settings) -> Result<(Option<SecretString>, Option<SecretString>), String> {
    let secret = read(
        "KEY_ENCRYPTION_SECRET",
        settings.key_encryption_secret.as_ref(),
        settings.key_encryption_secret_file.as_deref(),
    )?;
    let previous = read(
        "KEY_ENCRYPTION_SECRET_PREVIOUS",
        settings.key_encryption_secret_previous.as_ref(),
        settings.key_encryption_secret_previous_file.as_deref(),
    )?;
    Ok((secret, previous))
}

fn check(all: &[(&str, &SecretString)]) -> Result<(), String> {
    for (place, (name, secret)) in all.iter().enumerate() {
        let text = secret.expose_secret();
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
        if let Some((other, _)) = all[..place].iter().find(|(_, other)| other.expose_secret() == text) {
            return Err(format!("{name} equals {other}: each needs a value of its own"));
        }
    }
    Ok(())
}

pub(super) fn database_url(settings: &Settings) -> Result<DatabaseUrl, String> {
    let given = read("DATABASE_URL", settings.database_url.as_ref(), settings.database_url_file.as_deref())?;
    let url = given.unwrap_or_else(|| "sqlite://data/latchkey.db".into());
    url.expose_secret().parse().map_err(|wrong| format!("DATABASE_URL {wrong}"))
}

fn needed(name: &str, secret: Option<SecretString>) -> Result<SecretString, String> {
    secret.ok_or_else(|| {
        format!("{name} is not set: give at least {MIN_BYTES} random bytes, such as `openssl rand -base64 32` makes")
    })
}

/// Empty counts as not set, as compose files leave variables.
fn read(
    name: &str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, String> {
    let secret = match (value, file) {
        (Some(value), _) => value.clone(),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{name}_FILE: cannot read {}: {error}", path.display()))?;
            SecretString::from(text.trim_end_matches(['\r', '\n']))
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(secret).filter(|secret| !secret.expose_secret().is_empty()))
}

fn list(secrets: Option<SecretString>) -> Vec<SecretString> {
    let Some(secrets) = secrets else { return Vec::new() };
    let separate = secrets.expose_secret().split([',', '\n']).map(str::trim);
    separate.filter(|secret| !secret.is_empty()).map(SecretString::from).collect()
}
