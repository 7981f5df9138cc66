//! Verifies the use of a credential (WebAuthn Level 3 §7.2).

use serde::Deserialize;

use crate::authenticator_data::AuthenticatorData;
use crate::base64url::Base64Url;
use crate::cose::PublicKey;
use crate::error::Error;
use crate::registration::{MAX_CLIENT_DATA_BYTES, check_credential};
use crate::relying_party::RelyingParty;
use crate::{MAX_CREDENTIAL_ID_BYTES, client_data};

/// Larger than every authenticator data with extensions that browsers request.
const MAX_AUTHENTICATOR_DATA_BYTES: usize = 2048;
/// RSA with 4096 bits has 512.
const MAX_SIGNATURE_BYTES: usize = 512;
const MAX_USER_HANDLE_BYTES: usize = 64;

/// `AuthenticationResponseJSON`: what `PublicKeyCredential.toJSON()` returns after `navigator.credentials.get`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationResponse {
    id: Base64Url<MAX_CREDENTIAL_ID_BYTES>,
    raw_id: Base64Url<MAX_CREDENTIAL_ID_BYTES>,
    r#type: String,
    response: AssertionResponse,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: Base64Url<MAX_CLIENT_DATA_BYTES>,
    authenticator_data: Base64Url<MAX_AUTHENTICATOR_DATA_BYTES>,
    signature: Base64Url<MAX_SIGNATURE_BYTES>,
    user_handle: Option<Base64Url<MAX_USER_HANDLE_BYTES>>,
}

/// What the credential is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Instead of a password: the user must be verified, and named by the user handle.
    Passwordless,
    /// After another factor, which already named the user.
    SecondFactor,
}

/// An assertion whose client data is valid, so that its challenge was issued for this ceremony. The signature is not
/// verified yet.
#[derive(Debug)]
pub struct PresentedAssertion<'a> {
    response: &'a AuthenticationResponse,
    relying_party: &'a RelyingParty,
    challenge: Vec<u8>,
    client_data_hash: [u8; 32],
}

/// The credential as the service stored it.
#[derive(Clone, Copy, Debug)]
pub struct StoredCredential<'a> {
    /// The credential id.
    pub id: &'a [u8],
    /// The COSE key.
    pub public_key: &'a [u8],
    /// The counter of the last use.
    pub sign_count: u32,
    /// Whether the credential can be synchronised.
    pub backup_eligible: bool,
    /// The user handle of the owner, `user.id` in the creation options.
    pub user_handle: &'a [u8],
}

/// A verified use of a credential, to store with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The challenge, which must not be accepted again.
    pub challenge: Vec<u8>,
    /// The new counter.
    pub sign_count: u32,
    /// What the new counter says about the credential. The caller must look at it.
    pub counter: Counter,
    /// The authenticator verified the user, by PIN or biometrics.
    pub user_verified: bool,
    /// The credential is backed up now.
    pub backed_up: bool,
    /// The user handle, which is the owner's if present.
    pub user_handle: Option<Vec<u8>>,
}

/// The counter against the stored one (WebAuthn Level 3 §6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It grew, or the authenticator has none.
    Plausible,
    /// It did not grow. A credential bound to one device has probably been copied, and should be refused. The copies of a
    /// synchronised credential may count separately, so that it should be let in.
    Suspicious,
}

impl AuthenticationResponse {
    /// Checks everything that does not depend on the stored credential. `is_ours` decides about the challenge, usually
    /// by [`Challenges::check`](crate::Challenges::check).
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check<'a>(
        &'a self,
        relying_party: &'a RelyingParty,
        is_ours: impl FnOnce(&[u8]) -> Result<(), Error>,
    ) -> Result<PresentedAssertion<'a>, Error> {
        check_credential(&self.id, &self.raw_id, &self.r#type)?;
        let client_data_json = self.response.client_data_json.as_bytes();
        let client_data = client_data::check(client_data_json, client_data::GET, relying_party, is_ours)?;
        Ok(PresentedAssertion {
            response: self,
            relying_party,
            challenge: client_data.challenge,
            client_data_hash: client_data.hash,
        })
    }
}

impl PresentedAssertion<'_> {
    /// The credential to look up.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        self.response.raw_id.as_bytes()
    }

    /// Verifies the assertion with the stored credential.
    ///
    /// # Errors
    /// The first broken rule. A suspicious counter is no error; see [`Counter`].
    pub fn verify(&self, stored: &StoredCredential, r#use: Use) -> Result<Assertion, Error> {
        let response = &self.response.response;
        let authenticator_data = response.authenticator_data.as_bytes();
        if self.credential_id() != stored.id {
            return Err(Error::CredentialId);
        }
        let user_handle = response.user_handle.as_ref().map(Base64Url::as_bytes);
        match user_handle {
            Some(handle) if handle != stored.user_handle => return Err(Error::WrongUserHandle),
            None if r#use == Use::Passwordless => return Err(Error::MissingUserHandle),
            Some(_) | None => {}
        }
        let data = AuthenticatorData::parse(authenticator_data)?;
        data.check(&self.relying_party.id, r#use == Use::Passwordless)?;
        if data.credential.is_some() {
            return Err(Error::CredentialData);
        }
        if data.flags.backup_eligible() != stored.backup_eligible {
            return Err(Error::BackupEligibilityChanged);
        }
        let signed = [authenticator_data, &self.client_data_hash].concat();
        PublicKey::from_cose(stored.public_key)?.verify(&signed, response.signature.as_bytes())?;
        Ok(Assertion {
            challenge: self.challenge.clone(),
            sign_count: data.sign_count,
            counter: judge(stored.sign_count, data.sign_count),
            user_verified: data.flags.user_verified(),
            backed_up: data.flags.backed_up(),
            user_handle: user_handle.map(<[u8]>::to_vec),
        })
    }
}

fn judge(stored: u32, presented: u32) -> Counter {
    if presented > stored || (presented == 0 && stored == 0) {
        Counter::Plausible
    } else {
        Counter::Suspicious
    }
}
