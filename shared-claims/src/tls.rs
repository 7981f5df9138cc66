//! TLS to an auth server, with the root certificates of the system.

use std::sync::Arc;

use awc::error::{ConnectError, SendRequestError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Why the certificate of a server is rejected. The messages are fixed because the public readiness page shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Often the CA of a company is missing on this machine.
    #[error(
        "the server's certificate is not from a trusted authority; add its CA certificate to those of the system, or \
         set SSL_CERT_FILE to its file"
    )]
    Untrusted,
    /// By the clock of this machine.
    #[error("the server's certificate has expired or is not valid yet")]
    Expired,
    /// The URL has another host than the certificate.
    #[error("the server's certificate is for another host name")]
    WrongHost,
}

impl BadCertificate {
    /// `None` if the request failed for another reason.
    pub(crate) fn of(error: &SendRequestError) -> Option<Self> {
        let SendRequestError::Connect(ConnectError::Io(error)) = error else { return None };
        let Some(rustls::Error::InvalidCertificate(error)) = error.get_ref()?.downcast_ref() else {
            return None;
        };
        Some(match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongHost
            }
            _ => Self::Untrusted,
        })
    }
}

/// `ca_certificates`: further roots, in PEM. Without root certificates, https requests fail and http requests still work.
pub(crate) fn config(ca_certificates: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("cannot read some of the system's root certificates: {error}");
    }
    roots.add_parsable_certificates(found.certs);
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(ca_certificates.as_bytes()).flatten());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("aws-lc supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[cfg(test)]
mod tests {
    use std::io;

    use awc::error::{ConnectError, SendRequestError};
    use rustls::CertificateError;

    use super::BadCertificate;

    #[test]
    fn certificates_are_rejected_for_a_reason_that_can_be_fixed() {
        let of = |error: rustls::Error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            BadCertificate::of(&SendRequestError::Connect(ConnectError::Io(error)))
        };
        for (error, expected) in [
            (CertificateError::UnknownIssuer, BadCertificate::Untrusted),
            (CertificateError::BadSignature, BadCertificate::Untrusted),
            (CertificateError::Expired, BadCertificate::Expired),
            (CertificateError::NotValidYet, BadCertificate::Expired),
            (CertificateError::NotValidForName, BadCertificate::WrongHost),
        ] {
            assert_eq!(of(rustls::Error::InvalidCertificate(error.clone())), Some(expected), "{error:?}");
        }
        assert_eq!(of(rustls::Error::HandshakeNotComplete), None);
        let refused = ConnectError::Io(io::ErrorKind::ConnectionRefused.into());
        assert_eq!(BadCertificate::of(&SendRequestError::Connect(refused)), None);
    }
}
