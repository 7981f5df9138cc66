use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::InconsistentKeys;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::Files;
use crate::file_access;

/// The last second that X.509 can express (RFC 5280 §4.1.2.5): no certificate is valid after it.
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);

/// A certificate with its key.
pub struct Certificate {
    pub key: Arc<CertifiedKey>,
    pub not_after: DateTime<Utc>,
}

impl Certificate {
    /// # Errors
    /// One line that names the setting and the file. It contains nothing of the key.
    pub fn read(files: &Files, now: DateTime<Utc>) -> Result<Self, String> {
        let (at, key_at) = (files.certificate.display(), files.key.display());
        let pem = Files::read("TLS_CERT_FILE", &files.certificate)?;
        let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| format!("TLS_CERT_FILE: {at} is not valid PEM: {error}"))?;
        let first =
            chain.first().ok_or_else(|| format!("TLS_CERT_FILE: {at} contains no certificate in PEM"))?;
        let not_after =
            not_after(first).ok_or_else(|| format!("TLS_CERT_FILE: {at} contains an invalid certificate"))?;
        if not_after < now {
            return Err(format!("TLS_CERT_FILE: the certificate in {at} expired at {not_after}: renew it"));
        }
        let pem = Files::read("TLS_KEY_FILE", &files.key)?;
        file_access::check(&files.key).map_err(|error| format!("TLS_KEY_FILE: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            format!("TLS_KEY_FILE: {key_at} contains no private key in PEM, or one with a password")
        })?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!("TLS_KEY_FILE: the key in {key_at} does not belong to the first certificate in {at}")
            }
            _ => {
                format!("TLS_KEY_FILE: the key in {key_at} cannot be used: give an RSA, ECDSA or Ed25519 key")
            }
        })?;
        Ok(Self { key: Arc::new(key), not_after })
    }
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// When a certificate expires. webpki says it only in its error for an expired one, so this asks at the end of all time.
fn not_after(certificate: &CertificateDer<'_>) -> Option<DateTime<Utc>> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let end = UnixTime::since_unix_epoch(END_OF_TIME + Duration::from_secs(1));
    let verified = certificate.verify_for_usage(&[], &[], &[], end, KeyUsage::server_auth(), None, None);
    match verified {
        Err(Error::CertExpired { not_after, .. }) => {
            DateTime::from_timestamp(i64::try_from(not_after.as_secs()).ok()?, 0)
        }
        _ => None,
    }
}
