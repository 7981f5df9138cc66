//! The certificate of `--tls`, for this machine only.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use server_kit::tls::TlsSettings;

use crate::data_folder;

/// Browsers must be told to trust the certificate, so not too short.
const LIFETIME: TimeDelta = TimeDelta::days(90);
/// A certificate that expires within this time is replaced.
const REMAINDER: TimeDelta = TimeDelta::days(7);
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate for `localhost`, and the authority that signed it and nothing else: its key was never written.
pub struct Certificate {
    pub chain_file: PathBuf,
    pub key_file: PathBuf,
    /// The certificate of the authority.
    pub authority_file: PathBuf,
    /// The same, in PEM.
    pub authority: String,
}

impl Certificate {
    /// The one in the data folder, or a new one if that is missing or expires soon.
    ///
    /// # Errors
    /// One line that names the folder and the cause.
    pub fn prepare(data: &Path, now: DateTime<Utc>) -> Result<Self, String> {
        let folder = data.join("tls");
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let authority = folder.join("authority.pem");
        let is_usable = TlsSettings::new(certificate.clone(), key.clone()).expiry(now + REMAINDER).is_ok();
        if !is_usable || !authority.exists() {
            let files =
                Files::generate(now).map_err(|error| format!("cannot make a certificate: {error}"))?;
            files.write(&folder, [&certificate, &key, &authority]).map_err(|error| {
                format!("cannot write the certificate to {}: {}", folder.display(), error.kind())
            })?;
        }
        let pem = fs::read_to_string(&authority)
            .map_err(|error| format!("cannot read {}: {}", authority.display(), error.kind()))?;
        Ok(Self { chain_file: certificate, key_file: key, authority_file: authority, authority: pem })
    }

    /// The SHA-256 of the authority, as browsers show it.
    pub fn fingerprint(&self) -> String {
        let base64: String = self.authority.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64_STANDARD.decode(base64).unwrap_or_default();
        let digest = digest(&SHA256, &der);
        digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

/// In PEM.
struct Files {
    certificate: String,
    key: String,
    authority: String,
}

impl Files {
    fn generate(now: DateTime<Utc>) -> Result<Self, rcgen::Error> {
        let mut authority = params("Latchkey on this machine", now)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Were the key not discarded: it could still sign for no other host.
        let ip = |network: &str| network.parse::<CidrSubnet>().map(GeneralSubtree::IpAddress);
        let networks = [ip("127.0.0.1/32"), ip("::1/128")].into_iter().flatten();
        let permitted_subtrees =
            std::iter::once(GeneralSubtree::DnsName("localhost".to_owned())).chain(networks).collect();
        authority.name_constraints =
            Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();

        let mut server = params("localhost", now)?;
        server.subject_alt_names = CertificateParams::new(NAMES.map(str::to_owned))?.subject_alt_names;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &Issuer::from_params(&authority, &authority_key))?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem(), authority: authority_pem })
    }

    fn write(&self, folder: &Path, [certificate, key, authority]: [&Path; 3]) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        data_folder::write(folder, authority, &self.authority)?;
        data_folder::write(folder, key, &self.key)?;
        data_folder::write(folder, certificate, &self.certificate)
    }
}

/// Valid from yesterday, because clocks differ.
fn params(name: &str, now: DateTime<Utc>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    let small = |number: u32| u8::try_from(number).unwrap_or(1);
    let [start, end] = [now - TimeDelta::days(1), now + LIFETIME]
        .map(|day| date_time_ymd(day.year(), small(day.month()), small(day.day())));
    (params.not_before, params.not_after) = (start, end);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use chrono::TimeDelta;
    use shared_claims::{Clock, SystemClock};
    use tempfile::TempDir;

    use super::Certificate;

    #[test]
    fn a_certificate_is_replaced_before_it_expires_or_if_a_part_is_missing() {
        let folder = TempDir::new().expect("a folder");
        let now = SystemClock.now();
        let at = |days| {
            let now = now + TimeDelta::days(days);
            Certificate::prepare(folder.path(), now).expect("a certificate").fingerprint()
        };
        let first = at(0);
        assert_eq!(at(80), first);
        let second = at(84);
        assert_ne!(second, first);
        assert_eq!(at(164), second);
        fs::remove_file(folder.path().join("tls/authority.pem")).expect("removed");
        assert_ne!(at(84), second);
        let nowhere = Certificate::prepare(Path::new("/dev/null"), now).err().expect("an error");
        assert_eq!(nowhere, "cannot write the certificate to /dev/null/tls: not a directory");
    }
}
