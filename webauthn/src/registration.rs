//! Registers a new credential (WebAuthn Level 3 §7.1).

use serde::Deserialize;

use crate::attestation::AttestationObject;
use crate::base64url::Base64Url;
use crate::cose::{Algorithm, PublicKey};
use crate::error::Error;
use crate::relying_party::RelyingParty;
use crate::{MAX_CREDENTIAL_ID_BYTES, client_data};

/// Larger than every response with attestation `none` or self attestation.
pub(crate) const MAX_CLIENT_DATA_BYTES: usize = 4096;
const MAX_ATTESTATION_OBJECT_BYTES: usize = 8192;
const MAX_TRANSPORTS: usize = 8;
const MAX_TRANSPORT_BYTES: usize = 32;

/// `RegistrationResponseJSON`: what `PublicKeyCredential.toJSON()` returns after `navigator.credentials.create`.
///
/// Members that repeat a part of `attestationObject` are ignored, and so are unknown members.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    id: Base64Url<MAX_CREDENTIAL_ID_BYTES>,
    raw_id: Base64Url<MAX_CREDENTIAL_ID_BYTES>,
    r#type: String,
    response: AttestationResponse,
    #[serde(default)]
    client_extension_results: ClientExtensions,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: Base64Url<MAX_CLIENT_DATA_BYTES>,
    attestation_object: Base64Url<MAX_ATTESTATION_OBJECT_BYTES>,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientExtensions {
    #[serde(default)]
    cred_props: CredentialProperties,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct CredentialProperties {
    rk: Option<bool>,
}

/// A verified credential, to store with the user who registered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The challenge, which must not be accepted again.
    pub challenge: Vec<u8>,
    /// Unique among all credentials of the service; the caller checks that.
    pub credential_id: Vec<u8>,
    /// The COSE key as it came.
    pub public_key: Vec<u8>,
    /// The algorithm of the key.
    pub algorithm: Algorithm,
    /// The counter, 0 in authenticators without one.
    pub sign_count: u32,
    /// The authenticator verified the user, by PIN or biometrics.
    pub user_verified: bool,
    /// The credential can be synchronised between devices.
    pub backup_eligible: bool,
    /// The credential is backed up now.
    pub backed_up: bool,
    /// The model of the authenticator, or zeros. Unverified, because there is no attestation.
    pub aaguid: [u8; 16],
    /// How browsers can reach the authenticator, sorted: `internal`, `hybrid`, `usb`, …
    pub transports: Vec<String>,
    /// The browser says that the authenticator finds the credential without its id. `None` if the browser does not tell.
    pub discoverable: Option<bool>,
}

impl RegistrationResponse {
    /// Verifies the response. `is_ours` decides about the challenge, usually by
    /// [`Challenges::check`](crate::Challenges::check). `verify_user` requires a PIN or biometrics.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn verify(
        &self,
        relying_party: &RelyingParty,
        verify_user: bool,
        is_ours: impl FnOnce(&[u8]) -> Result<(), Error>,
    ) -> Result<Registration, Error> {
        check_credential(&self.id, &self.raw_id, &self.r#type)?;
        let client_data_json = self.response.client_data_json.as_bytes();
        let client_data = client_data::check(client_data_json, client_data::CREATE, relying_party, is_ours)?;
        let attestation = AttestationObject::parse(self.response.attestation_object.as_bytes())?;
        let data = attestation.authenticator_data()?;
        data.check(&relying_party.id, verify_user)?;
        let credential = data.credential.ok_or(Error::CredentialData)?;
        if credential.id != self.raw_id.as_bytes() {
            return Err(Error::CredentialId);
        }
        let key = PublicKey::from_cose(credential.public_key)?;
        attestation.verify(&key, &client_data.hash)?;
        Ok(Registration {
            challenge: client_data.challenge,
            credential_id: credential.id.to_vec(),
            public_key: credential.public_key.to_vec(),
            algorithm: key.algorithm,
            sign_count: data.sign_count,
            user_verified: data.flags.user_verified(),
            backup_eligible: data.flags.backup_eligible(),
            backed_up: data.flags.backed_up(),
            aaguid: credential.aaguid,
            transports: self.transports()?,
            discoverable: self.client_extension_results.cred_props.rk,
        })
    }

    /// Unknown transports are kept, as the standard requires.
    fn transports(&self) -> Result<Vec<String>, Error> {
        let mut transports = self.response.transports.clone();
        transports.sort();
        transports.dedup();
        let is_name = |name: &String| {
            (1..=MAX_TRANSPORT_BYTES).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if transports.len() > MAX_TRANSPORTS || !transports.iter().all(is_name) {
            return Err(Error::MalformedTransports);
        }
        Ok(transports)
    }
}

/// Checks the members that both responses begin with.
pub(crate) fn check_credential<const N: usize>(
    id: &Base64Url<N>,
    raw_id: &Base64Url<N>,
    r#type: &str,
) -> Result<(), Error> {
    if id != raw_id {
        return Err(Error::IdMismatch);
    }
    if r#type != "public-key" {
        return Err(Error::NotPublicKey);
    }
    Ok(())
}
