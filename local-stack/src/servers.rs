use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use auth_server::AuthServer;
use resource_server::ResourceServer;
use shared_claims::SystemClock;

use crate::addresses::Addresses;
use crate::certificate::Certificate;
use crate::data_folder::DataFolder;
use crate::stop_signal::StopSignal;

/// How long requests in progress may take to finish after Ctrl-C.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Development servers of frameworks pass requests on and add `X-Forwarded-For`.
const DEVELOPMENT_PROXIES: &str = "127.0.0.1,::1";

/// Both servers, which listen and do not respond yet.
pub struct Servers {
    pub auth: AuthServer,
    api: ResourceServer,
    cross_site_origins: Vec<String>,
}

impl Servers {
    /// Builds both and listens on their addresses. Pages of `allowed_origins` may call them, and every page of this machine:
    /// a page in development is on some port.
    ///
    /// # Errors
    /// One line that names the cause.
    pub async fn build(
        addresses: Addresses,
        data: &DataFolder,
        certificate: Option<&Certificate>,
        allowed_origins: &str,
    ) -> Result<Self, String> {
        let tls = tls_flags(certificate);
        let flags = [auth_flags(addresses, data, allowed_origins), tls.clone()].concat();
        let mut settings = auth_server::Settings::from_flags(flags)?;
        settings.allowed_origins = settings.allowed_origins.with_every_loopback();
        settings.sign_in_link = true;
        settings.mail.mailbox_page = true;
        let cross_site_origins = settings.cross_site_origins().into_iter().map(str::to_owned).collect();
        let auth = AuthServer::build(&settings, Arc::new(SystemClock)).await?;
        let flags = [api_flags(addresses, data, allowed_origins), tls].concat();
        let mut settings = resource_server::Settings::from_flags(flags)?;
        settings.ca_certificates = certificate.map(|one| one.authority.clone()).unwrap_or_default();
        settings.allowed_origins = settings.allowed_origins.with_every_loopback();
        let api = ResourceServer::build(&settings, Arc::new(SystemClock))?;
        Ok(Self { auth, api, cross_site_origins })
    }

    /// Warns about allowed origins to whose pages browsers send no cookies.
    pub fn warn_about_origins(&self) {
        for origin in &self.cross_site_origins {
            log::warn!(
                "{origin} is another site than localhost: browsers send no cookies from its pages, so sessions there need \
                 token_delivery \"body\""
            );
        }
    }

    /// Serves until the stop signal, or until a server fails.
    ///
    /// # Errors
    /// One line that names the cause.
    pub async fn run(self, stop: StopSignal) -> Result<(), String> {
        let both = async { tokio::try_join!(self.auth.run(), self.api.run()) };
        tokio::pin!(both);
        tokio::select! {
            ended = &mut both => ended.map(drop).map_err(|error| format!("a server failed: {error}")),
            // The servers receive the signal too and finish requests in progress. Idle connections would delay them.
            () = stop.received() => {
                let _ = timeout(STOP_TIMEOUT, both).await;
                Ok(())
            }
        }
    }
}

/// Flags and no environment variables, so that the stack is the same everywhere. Secrets are read from files.
fn auth_flags(addresses: Addresses, data: &DataFolder, allowed_origins: &str) -> Vec<OsString> {
    let mut database_url = OsString::from("sqlite://");
    database_url.push(&data.database);
    vec![
        "auth-server".into(),
        flag("--database-url", database_url),
        flag("--bind-addr", addresses.auth.to_string()),
        flag("--issuer", addresses.auth_url()),
        flag("--audiences", "api"),
        flag("--allowed-origins", allowed_origins),
        flag("--trusted-proxies", DEVELOPMENT_PROXIES),
        flag("--jwt-refresh-secret-file", &data.refresh_secret),
        flag("--key-encryption-secret-file", &data.key_encryption_secret),
        flag("--revocation-feed-token-file", &data.feed_token),
        // Short, so that users see it expire.
        flag("--access-token-ttl", "1m"),
        flag("--cookie-secure", addresses.tls.to_string()),
        flag("--demo-api-url", addresses.api_url()),
        // Shown at /demo/mail.
        flag("--mail-transport", "file"),
        flag("--mail-dir", &data.mail),
        flag("--mail-from", "Latchkey demo <no-reply@localhost>"),
    ]
}

fn api_flags(addresses: Addresses, data: &DataFolder, allowed_origins: &str) -> Vec<OsString> {
    vec![
        "resource-server".into(),
        flag("--bind-addr", addresses.api.to_string()),
        flag("--issuer", addresses.auth_url()),
        flag("--jwks-url", addresses.jwks_url()),
        flag("--revocation-feed-url", addresses.feed_url()),
        flag("--revocation-feed-token-file", &data.feed_token),
        flag("--audience", "api"),
        flag("--accept-cookie", "true"),
        flag("--allowed-origins", allowed_origins),
        flag("--trusted-proxies", DEVELOPMENT_PROXIES),
    ]
}

fn tls_flags(certificate: Option<&Certificate>) -> Vec<OsString> {
    let flags = certificate
        .map(|one| [flag("--tls-cert-file", &one.chain_file), flag("--tls-key-file", &one.key_file)]);
    flags.into_iter().flatten().collect()
}

fn flag(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(value);
    flag
}
