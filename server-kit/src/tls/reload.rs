use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix_web::rt;
use arc_swap::ArcSwap;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use shared_claims::Clock;

use super::Files;
use super::certificate::Certificate;

const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// How often a pair is tried before it is reported. Between the replacement of the certificate and that of the key, they do not
/// belong together.
const TRIES: u32 = 2;

/// The certificate that handshakes use: that of the files or, while those are invalid, the one before.
pub struct ReloadedCertificate {
    files: Files,
    clock: Arc<dyn Clock>,
    current: ArcSwap<CertifiedKey>,
    expiry: Gauge,
    seen: Mutex<Seen>,
}

struct Seen {
    loaded: Versions,
    /// Newer files that are invalid, and how often they were tried.
    rejected: Option<(Versions, u32)>,
}

/// The versions of both files; `None` for one that is missing.
type Versions = [Option<Version>; 2];

/// Changes when a file is written, renamed, or reached through another symbolic link.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl ReloadedCertificate {
    /// # Errors
    /// One line that names the setting.
    pub fn load(files: Files, clock: Arc<dyn Clock>) -> Result<Self, String> {
        // Before the files are read: a change in between is noticed.
        let loaded = files.versions();
        let Certificate { key, not_after } = Certificate::read(&files, clock.now())?;
        let expiry = Gauge::default();
        expiry.set(not_after.timestamp());
        let seen = Mutex::new(Seen { loaded, rejected: None });
        Ok(Self { files, clock, current: ArcSwap::new(key), expiry, seen })
    }

    pub fn register(&self, registry: &mut Registry) {
        let help = "When the TLS certificate expires, in seconds since 1970.";
        registry.register("tls_certificate_expiry_timestamp_seconds", help, self.expiry.clone());
    }

    pub async fn watch(certificate: Weak<Self>) {
        loop {
            rt::time::sleep(CHECK_INTERVAL).await;
            let Some(certificate) = certificate.upgrade() else { return };
            // The files can be on a network.
            let _ = rt::task::spawn_blocking(move || certificate.refresh()).await;
        }
    }

    /// Loads the files if they have changed. Keeps the certificate if they are invalid.
    fn refresh(&self) {
        let found = self.files.versions();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = match seen.rejected {
            Some((versions, tries)) if versions == found => tries,
            _ => 0,
        };
        if found == seen.loaded || tries >= TRIES {
            return;
        }
        match Certificate::read(&self.files, self.clock.now()) {
            Ok(Certificate { key, not_after }) => {
                self.current.store(key);
                self.expiry.set(not_after.timestamp());
                *seen = Seen { loaded: found, rejected: None };
                log::info!("loaded the TLS certificate that is valid until {not_after}");
            }
            Err(error) => {
                seen.rejected = Some((found, tries + 1));
                if tries + 1 == TRIES {
                    log::warn!("{error}; the previous certificate stays in use");
                }
            }
        }
    }
}

impl ResolvesServerCert for ReloadedCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for ReloadedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadedCertificate")
    }
}

impl Files {
    fn versions(&self) -> Versions {
        [&self.certificate, &self.key].map(|path| Version::of(path).ok())
    }
}

impl Version {
    fn of(path: &Path) -> io::Result<Self> {
        let file = path.metadata()?;
        let modified = (file.mtime(), file.mtime_nsec());
        Ok(Self { device: file.dev(), inode: file.ino(), size: file.size(), modified })
    }
}
