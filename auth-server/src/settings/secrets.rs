use secrecy::{ExposeSecret, SecretString};
use server_kit::file_access;
use server_kit::secret::{check, list, read, required};
use shared_claims::Algorithm;
use shared_claims::http::bearer::is_bearer_token;

use super::Settings;
use crate::store::DatabaseUrl;

/// The secrets. All but the Flask-Security salt are long enough and differ from each other.
#[derive(Debug)]
pub struct Secrets {
    /// `JWT_REFRESH_SECRET`
    pub refresh: SecretString,
    /// `JWT_REFRESH_SECRETS_ACCEPTED`
    pub refresh_accepted: Vec<SecretString>,
    /// `KEY_ENCRYPTION_SECRET`, optional with HS256
    pub key_encryption: Option<SecretString>,
    /// `KEY_ENCRYPTION_SECRET_PREVIOUS`
    pub key_encryption_previous: Option<SecretString>,
    /// `JWT_ACCESS_SECRET`, set only with HS256
    pub access: Option<SecretString>,
    /// `JWT_ACCESS_SECRETS_ACCEPTED`, set only with HS256
    pub access_accepted: Vec<SecretString>,
    /// `REVOCATION_FEED_TOKEN`
    pub feed_tokens: Vec<SecretString>,
    /// `FLASK_SECURITY_PASSWORD_SALT`, as the other application has it, of any length
    pub flask_security_password_salt: Option<SecretString>,
}

impl Secrets {
    pub(super) fn read(settings: &Settings) -> Result<Self, String> {
        let of = |name, value: &Option<_>, file: &Option<_>| read(name, value.as_ref(), file.as_deref());
        let hs256 = settings.jwt_access_algorithm == Algorithm::Hs256;
        let refresh =
            of("JWT_REFRESH_SECRET", &settings.jwt_refresh_secret, &settings.jwt_refresh_secret_file)?;
        let refresh_accepted = of(
            "JWT_REFRESH_SECRETS_ACCEPTED",
            &settings.jwt_refresh_secrets_accepted,
            &settings.jwt_refresh_secrets_accepted_file,
        )?;
        let (key_encryption, key_encryption_previous) = key_encryption_pair(settings)?;
        let access = of("JWT_ACCESS_SECRET", &settings.jwt_access_secret, &settings.jwt_access_secret_file)?;
        let access_accepted = of(
            "JWT_ACCESS_SECRETS_ACCEPTED",
            &settings.jwt_access_secrets_accepted,
            &settings.jwt_access_secrets_accepted_file,
        )?;
        if !hs256 && (access.is_some() || access_accepted.is_some()) {
            return Err(format!(
                "JWT_ACCESS_SECRET is only for HS256, and JWT_ACCESS_ALGORITHM is {}: remove one of them",
                settings.jwt_access_algorithm
            ));
        }
        let feed_tokens = of(
            "REVOCATION_FEED_TOKEN",
            &settings.revocation_feed_token,
            &settings.revocation_feed_token_file,
        )?;
        let secrets = Self {
            refresh: required("JWT_REFRESH_SECRET", refresh)?,
            refresh_accepted: list("JWT_REFRESH_SECRETS_ACCEPTED", refresh_accepted.as_ref())?,
            key_encryption: if hs256 {
                key_encryption
            } else {
                Some(required("KEY_ENCRYPTION_SECRET", key_encryption)?)
            },
            key_encryption_previous,
            access: if hs256 { Some(required("JWT_ACCESS_SECRET", access)?) } else { None },
            access_accepted: list("JWT_ACCESS_SECRETS_ACCEPTED", access_accepted.as_ref())?,
            feed_tokens: list("REVOCATION_FEED_TOKEN", feed_tokens.as_ref())?,
            flask_security_password_salt: of(
                "FLASK_SECURITY_PASSWORD_SALT",
                &settings.flask_security_password_salt,
                &settings.flask_security_password_salt_file,
            )?,
        };
        check(&secrets.named())?;
        if !secrets.feed_tokens.iter().all(|token| is_bearer_token(token.expose_secret())) {
            return Err(
                "REVOCATION_FEED_TOKEN contains characters that are invalid in an Authorization header: \
                 generate one with `openssl rand -base64 32`"
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

/// `KEY_ENCRYPTION_SECRET` and the previous one, for commands that require no other secrets.
pub(super) fn key_encryption(settings: &Settings) -> Result<(SecretString, Option<SecretString>), String> {
    let (secret, previous) = key_encryption_pair(settings)?;
    let secret = required("KEY_ENCRYPTION_SECRET", secret)?;
    let mut all = vec![("KEY_ENCRYPTION_SECRET", &secret)];
    all.extend(previous.iter().map(|secret| ("KEY_ENCRYPTION_SECRET_PREVIOUS", secret)));
    check(&all)?;
    Ok((secret, previous))
}

fn key_encryption_pair(settings: &Settings) -> Result<(Option<SecretString>, Option<SecretString>), String> {
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

pub(super) fn database_url(settings: &Settings) -> Result<DatabaseUrl, String> {
    let given = read("DATABASE_URL", settings.database_url.as_ref(), settings.database_url_file.as_deref())?;
    let url = given.unwrap_or_else(|| "sqlite://data/latchkey.db".into());
    let url: DatabaseUrl = url.expose_secret().parse().map_err(|error| format!("DATABASE_URL {error}"))?;
    for path in url.files() {
        file_access::check(&path).map_err(|error| format!("DATABASE_URL: {error}"))?;
    }
    Ok(url)
}
