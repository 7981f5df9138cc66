use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use auth_server::AuthServer;
use resource_server::ResourceServer;
use shared_claims::SystemClock;

use crate::addresses::{Addresses, origins};
use crate::data_folder::DataFolder;
use crate::stop_signal::StopSignal;

/// How long requests in progress may take to finish after Ctrl-C.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Both servers, which listen and do not respond yet.
pub struct Servers {
    pub auth: AuthServer,
    api: ResourceServer,
}

impl Servers {
    /// Builds both and listens on their addresses.
    ///
    /// # Errors
    /// One line that names the cause.
    pub async fn build(addresses: Addresses, data: &DataFolder) -> Result<Self, String> {
        let settings = auth_server::Settings::from_flags(auth_flags(addresses, data))?;
        let auth = AuthServer::build(&settings, Arc::new(SystemClock)).await?;
        let settings = resource_server::Settings::from_flags(api_flags(addresses, data))?;
        let api = ResourceServer::build(&settings, Arc::new(SystemClock))?;
        Ok(Self { auth, api })
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
fn auth_flags(addresses: Addresses, data: &DataFolder) -> Vec<OsString> {
    let allowed_origins = [origins(addresses.auth), origins(addresses.api)].concat().join(",");
    let mut database_url = OsString::from("sqlite://");
    database_url.push(&data.database);
    vec![
        "auth-server".into(),
        flag("--database-url", database_url),
        flag("--bind-addr", addresses.auth.to_string()),
        flag("--issuer", addresses.auth_url()),
        flag("--audiences", "api"),
        flag("--allowed-origins", allowed_origins),
        flag("--jwt-refresh-secret-file", &data.refresh_secret),
        flag("--key-encryption-secret-file", &data.key_encryption_secret),
        flag("--revocation-feed-token-file", &data.feed_token),
        // Short, so that users see it expire. Plain HTTP, because no browser trusts a certificate made here.
        flag("--access-token-ttl", "1m"),
        flag("--cookie-secure", "false"),
        flag("--demo-api-url", addresses.api_url()),
    ]
}

fn api_flags(addresses: Addresses, data: &DataFolder) -> Vec<OsString> {
    vec![
        "resource-server".into(),
        flag("--bind-addr", addresses.api.to_string()),
        flag("--issuer", addresses.auth_url()),
        flag("--jwks-url", addresses.jwks_url()),
        flag("--revocation-feed-url", addresses.feed_url()),
        flag("--revocation-feed-token-file", &data.feed_token),
        flag("--audience", "api"),
        flag("--accept-cookie", "true"),
        flag("--allowed-origins", origins(addresses.auth).join(",")),
    ]
}

fn flag(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(value);
    flag
}
