//! A certificate for servers on this machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use crate::evidence;

const PATIENCE: Duration = Duration::from_secs(30);

/// A self-signed certificate for `localhost` and 127.0.0.1, and its files.
pub struct Certificate {
    der: CertificateDer<'static>,
    folder: TempDir,
}

impl Certificate {
    #[expect(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
        let this = Self { der: cert.der().clone(), folder: TempDir::new().expect("a folder") };
        let key = signing_key.serialize_pem();
        evidence::secret(key.lines().nth(1).expect("a line"));
        fs::write(this.cert_file(), cert.pem()).expect("written");
        fs::write(this.key_file(), key).expect("written");
        fs::set_permissions(this.key_file(), Permissions::from_mode(0o600)).expect("a mode");
        this
    }

    pub fn cert_file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// The settings of a server.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_str().expect("a path").to_owned();
        [("TLS_CERT_FILE", text(self.cert_file())), ("TLS_KEY_FILE", text(self.key_file()))]
    }

    /// Trusts this certificate only.
    pub fn client(&self) -> awc::Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a root");
        client_trusting(roots)
    }
}

/// A client that trusts only these roots.
pub fn client_trusting(roots: RootCertStore) -> awc::Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("TLS versions").with_root_certificates(roots).with_no_client_auth();
    let connector = awc::Connector::new().rustls_0_23(Arc::new(config)).timeout(PATIENCE);
    awc::Client::builder().connector(connector).disable_redirects().timeout(PATIENCE).finish()
}
