//! Fetches a key set over HTTP from a server that is not trusted to respond correctly.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use awc::error::{PayloadError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{ACCEPT, CACHE_CONTROL, HeaderName, HeaderValue};
use awc::{Client, Connector};
use serde::Deserialize;
use tokio::time;
use url::Url;

use crate::key_set::{KeySet, KeySetError};
use crate::tls::{self, BadCertificate};

/// Where to fetch the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksSource {
    /// The URL of the JWK Set.
    JwksUrl(Url),
    /// An issuer whose metadata contains the URL (RFC 8414). Its `issuer` must equal this one, byte for byte.
    Issuer(String),
}

/// The maximum size of a response. 64 RSA keys of 8192 bits need less.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Why a fetch failed. The messages are fixed because the public readiness page shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the issuer is not an http or https URL")]
    BadIssuer,
    #[error("the server cannot be reached")]
    Unreachable,
    #[error(transparent)]
    BadCertificate(#[from] BadCertificate),
    #[error("the server did not respond in time")]
    TimedOut,
    #[error("the server returned status {0}")]
    Status(u16),
    #[error("the response is larger than 256 KiB")]
    TooLarge,
    #[error("the response was cut off")]
    CutOff,
    #[error("the metadata is not RFC 8414 JSON with issuer and jwks_uri")]
    BadMetadata,
    #[error("the metadata names another issuer")]
    WrongIssuer,
    #[error("the jwks_uri in the metadata does not use https")]
    BadJwksUri,
    #[error(transparent)]
    BadKeySet(#[from] KeySetError),
    #[error("none of the keys is usable")]
    NoUsableKey,
}

impl FetchError {
    /// Whether the server is down, as while both servers start, rather than misconfigured.
    pub fn is_an_outage(&self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Status(500..))
    }
}

/// An HTTP client for one source. It is not `Send`, so it stays in one task.
pub(crate) struct Fetcher {
    source: JwksSource,
    timeout: Duration,
    client: Client,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Fetcher {
    pub fn new(source: JwksSource, timeout: Duration, ca_certificates: &str) -> Self {
        let header = (ACCEPT, HeaderValue::from_static("application/json"));
        let client = client(timeout, timeout, header, ca_certificates);
        Self { source, timeout, client }
    }

    pub fn source(&self) -> &impl fmt::Display {
        &self.source
    }

    pub async fn fetch(&self) -> Result<KeySet, FetchError> {
        time::timeout(self.timeout, self.fetch_untimed()).await.unwrap_or(Err(FetchError::TimedOut))
    }

    async fn fetch_untimed(&self) -> Result<KeySet, FetchError> {
        let url = match &self.source {
            JwksSource::JwksUrl(url) => url.clone(),
            JwksSource::Issuer(issuer) => self.jwks_url_of(issuer).await?,
        };
        let keys = KeySet::parse(&self.get(&url).await?)?;
        if keys.is_empty() { Err(FetchError::NoUsableKey) } else { Ok(keys) }
    }

    async fn jwks_url_of(&self, issuer: &str) -> Result<Url, FetchError> {
        let metadata_url = metadata_url(issuer).ok_or(FetchError::BadIssuer)?;
        let metadata: Metadata =
            serde_json::from_slice(&self.get(&metadata_url).await?).map_err(|_| FetchError::BadMetadata)?;
        // RFC 8414 §3.3: the metadata must not be used unless the issuers are identical.
        if metadata.issuer != issuer {
            return Err(FetchError::WrongIssuer);
        }
        let jwks_url = Url::parse(&metadata.jwks_uri).map_err(|_| FetchError::BadJwksUri)?;
        let is_secure =
            jwks_url.scheme() == "https" || (jwks_url.scheme() == "http" && metadata_url.scheme() == "http");
        if is_secure { Ok(jwks_url) } else { Err(FetchError::BadJwksUri) }
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let request = self
            .client
            .get(url.as_str())
            // A cache on the way could keep serving a retired key.
            .insert_header((CACHE_CONTROL, "no-cache"))
            .force_close();
        let mut response = request.send().await.map_err(|error| {
            log::debug!("fetching {url}: {error}");
            match (BadCertificate::of(&error), error) {
                (Some(certificate), _) => certificate.into(),
                (None, SendRequestError::Timeout) => FetchError::TimedOut,
                (None, _) => FetchError::Unreachable,
            }
        })?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let body = response.body().limit(MAX_BODY_BYTES).await.map_err(|error| match error {
            PayloadError::Overflow => FetchError::TooLarge,
            _ => FetchError::CutOff,
        })?;
        Ok(body.to_vec())
    }
}

impl fmt::Display for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JwksUrl(url) => url.fmt(f),
            Self::Issuer(issuer) => f.write_str(issuer),
        }
    }
}

/// `/.well-known/oauth-authorization-server` between the host and the path of the issuer (RFC 8414 §3.1).
fn metadata_url(issuer: &str) -> Option<Url> {
    let mut url = Url::parse(issuer).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let path = format!("/.well-known/oauth-authorization-server{}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

/// A client that does not follow redirects: those would let the response choose the next server, and show it the header.
pub(crate) fn client(
    connect_timeout: Duration,
    timeout: Duration,
    header: (HeaderName, HeaderValue),
    ca_certificates: &str,
) -> Client {
    let config = Arc::new(tls::config(ca_certificates));
    let connector = Connector::new().rustls_0_23(config).timeout(connect_timeout);
    Client::builder()
        .connector(connector)
        .timeout(timeout)
        .disable_redirects()
        .add_default_header(header)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::metadata_url;

    #[test]
    fn the_metadata_path_is_inserted_before_the_path_of_the_issuer() {
        let url = |issuer| metadata_url(issuer).map(String::from);
        let expected = "https://auth.example/.well-known/oauth-authorization-server";
        assert_eq!(url("https://auth.example"), Some(expected.to_owned()));
        assert_eq!(url("https://auth.example/"), Some(expected.to_owned()));
        assert_eq!(url("https://auth.example/tenant"), Some(format!("{expected}/tenant")));
        assert_eq!(url("https://auth.example/tenant/"), Some(format!("{expected}/tenant")));
        assert_eq!(url("file:///etc/passwd"), None);
        assert_eq!(url("https://auth.example?x"), None);
        assert_eq!(url("auth.example"), None);
    }
}
