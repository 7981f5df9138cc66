//! TLS of a listener. The certificate and its key are PEM files, which are read again when they change.

mod certificate;
mod reload;

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use shared_claims::Clock;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use crate::connections::Socket;
use crate::settings::heading::NETWORK;
use crate::settings::is_loopback;

use certificate::Certificate;
use reload::ReloadedCertificate;

/// How long a client may take for the handshake. It costs two round trips, and other connections do not wait for it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

const HTTP_2: &[u8] = b"h2";

/// The settings of TLS, as given.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsSettings {
    /// Certificate for HTTPS, a PEM file [default: plain HTTP]
    ///
    /// The server's certificate first, then those of intermediate authorities. The server loads a replaced file within seconds.
    #[arg(long, env, hide_short_help = true, help_heading = NETWORK)]
    tls_cert_file: Option<PathBuf>,
    /// Private key of that certificate, a PEM file
    #[arg(long, env, hide_short_help = true, help_heading = NETWORK)]
    tls_key_file: Option<PathBuf>,
}

/// The two files.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What a listener needs to serve HTTPS.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<ReloadedCertificate>,
    requires_https: bool,
}

impl TlsSettings {
    /// For a program that hosts servers.
    #[must_use]
    pub fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self { tls_cert_file: Some(certificate), tls_key_file: Some(key) }
    }

    /// Whether one of the settings is set.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.tls_cert_file.is_some() || self.tls_key_file.is_some()
    }

    /// # Errors
    /// One line that names the setting: one of both is missing.
    pub fn check_pair(&self) -> Result<(), String> {
        self.files().map(drop)
    }

    /// Reads both files. `None` if neither is set. Responses tell browsers to use HTTPS only, unless this is a development
    /// server: browsers would then reject plain HTTP from every server on `localhost`.
    ///
    /// # Errors
    /// One line that names the setting: one of both is missing, a file cannot be used, the key does not belong to the
    /// certificate, or the certificate has expired.
    pub fn load(&self, issuer: &Url, clock: &Arc<dyn Clock>) -> Result<Option<Tls>, String> {
        let Some(files) = self.files()? else { return Ok(None) };
        let certificate = Arc::new(ReloadedCertificate::load(files, Arc::clone(clock))?);
        let resolver: Arc<dyn ResolvesServerCert> = certificate.clone();
        let mut config = ServerConfig::builder_with_provider(certificate::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS is not available: {error}"))?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Tls { acceptor, certificate, requires_https: !is_loopback(issuer) }))
    }

    /// When the certificate expires. `None` without one.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn expiry(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
        let certificate = self.files()?.map(|files| Certificate::read(&files, now)).transpose()?;
        Ok(certificate.map(|certificate| certificate.not_after))
    }

    fn files(&self) -> Result<Option<Files>, String> {
        match (&self.tls_cert_file, &self.tls_key_file) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                Ok(Some(Files { certificate: certificate.clone(), key: key.clone() }))
            }
            (Some(_), None) => Err("TLS_CERT_FILE requires TLS_KEY_FILE".to_owned()),
            (None, Some(_)) => Err("TLS_KEY_FILE requires TLS_CERT_FILE".to_owned()),
        }
    }
}

impl Tls {
    /// Whether responses have `Strict-Transport-Security`.
    #[must_use]
    pub fn requires_https(&self) -> bool {
        self.requires_https
    }

    /// Adds when the certificate expires.
    pub fn register(&self, registry: &mut Registry) {
        self.certificate.register(registry);
    }

    /// The handshake with a client. Also returns whether the client chose HTTP/2.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<(Box<TlsStream<Socket>>, bool)> {
        let stream = timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(socket)).await??;
        let (socket, tls) = stream.get_ref();
        let has_http2 = tls.alpn_protocol() == Some(HTTP_2);
        socket.connection().is_encrypted(has_http2);
        Ok((Box::new(stream), has_http2))
    }

    /// Loads the files again when they change. Runs until the server is dropped.
    pub(crate) fn watch_files(&self) -> impl Future<Output = ()> + use<> {
        ReloadedCertificate::watch(Arc::downgrade(&self.certificate))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Files {
    fn read(setting: &str, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| format!("{setting}: cannot read {}: {error}", path.display()))
    }
}
