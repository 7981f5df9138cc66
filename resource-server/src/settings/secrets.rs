use secrecy::{ExposeSecret, SecretString};
use server_kit::secret::{check, read};
use shared_claims::http::bearer::is_bearer_token;

use super::Settings;

/// The secrets, long enough and different from each other.
#[derive(Debug)]
pub struct Secrets {
    /// `JWT_ACCESS_SECRET`, set only with HS256
    pub access: Option<SecretString>,
    /// `REVOCATION_FEED_TOKEN`
    pub feed_token: Option<SecretString>,
}

impl Secrets {
    pub(super) fn read(settings: &Settings) -> Result<Self, String> {
        let access = read(
            "JWT_ACCESS_SECRET",
            settings.jwt_access_secret.as_ref(),
            settings.jwt_access_secret_file.as_deref(),
        )?;
        let feed_token = read(
            "REVOCATION_FEED_TOKEN",
            settings.revocation_feed_token.as_ref(),
            settings.revocation_feed_token_file.as_deref(),
        )?;
        let access_named = access.iter().map(|secret| ("JWT_ACCESS_SECRET", secret));
        let feed_named = feed_token.iter().map(|secret| ("REVOCATION_FEED_TOKEN", secret));
        check(&access_named.chain(feed_named).collect::<Vec<_>>())?;
        if !feed_token.iter().all(|token| is_bearer_token(token.expose_secret())) {
            return Err(
                "REVOCATION_FEED_TOKEN contains characters that are invalid in an Authorization header: \
                 give one token, the same as on the auth server"
                    .to_owned(),
            );
        }
        let requires_token =
            settings.revocation_feed_url.is_some() || settings.revocation_feed_max_age.is_some();
        if requires_token && feed_token.is_none() {
            return Err(
                "REVOCATION_FEED_TOKEN is not set, and the revocation feed requires it: give the auth server's"
                    .to_owned(),
            );
        }
        if access.is_some() && settings.jwks_url.is_some() {
            return Err("JWKS_URL is for public keys and JWT_ACCESS_SECRET is for HS256: remove one of them"
                .to_owned());
        }
        Ok(Self { access, feed_token })
    }
}
