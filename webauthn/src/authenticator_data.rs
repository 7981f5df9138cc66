//! Authenticator data: what the authenticator says about the credential and its user (WebAuthn Level 3 §6.1).

use crate::cbor::{self, Value};
use crate::client_data::sha256;
use crate::error::Error;
use crate::{MAX_CREDENTIAL_ID_BYTES, MIN_CREDENTIAL_ID_BYTES};

/// The parsed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the id of the relying party.
    pub rp_id_hash: &'a [u8],
    /// The flags.
    pub flags: Flags,
    /// The counter, 0 in authenticators without one.
    pub sign_count: u32,
    /// The new credential, in registrations only.
    pub credential: Option<AttestedCredential<'a>>,
}

/// The new credential in a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestedCredential<'a> {
    /// The model of the authenticator, or zeros.
    pub aaguid: [u8; 16],
    /// The credential id.
    pub id: &'a [u8],
    /// The COSE key as it came.
    pub public_key: &'a [u8],
}

/// The byte of flags. Reserved bits are ignored, as the standard requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// UP: the user touched the authenticator.
    #[must_use]
    pub fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }
    /// UV: the authenticator verified the user, by PIN or biometrics.
    #[must_use]
    pub fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }
    /// BE: the credential can be backed up and synchronised. Never changes.
    #[must_use]
    pub fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }
    /// BS: the credential is backed up now.
    #[must_use]
    pub fn backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }
    fn has_credential(self) -> bool {
        self.0 & 0x40 != 0
    }
    fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl<'a> AuthenticatorData<'a> {
    /// Parses the bytes, all of them.
    ///
    /// # Errors
    /// The data is truncated, malformed, or followed by other bytes.
    pub fn parse(mut bytes: &'a [u8]) -> Result<Self, Error> {
        let rp_id_hash = take(&mut bytes, 32)?;
        let flags = Flags(take_array::<1>(&mut bytes)?[0]);
        let sign_count = u32::from_be_bytes(take_array(&mut bytes)?);
        let credential = flags.has_credential().then(|| AttestedCredential::parse(&mut bytes)).transpose()?;
        if flags.has_extensions() {
            let (extensions, rest) = cbor::decode_first(bytes)?;
            if !matches!(extensions, Value::Map(_)) {
                return Err(Error::MalformedAuthenticatorData);
            }
            bytes = rest;
        }
        if !bytes.is_empty() {
            return Err(Error::TrailingBytes);
        }
        Ok(Self { rp_id_hash, flags, sign_count, credential })
    }

    /// Checks what both ceremonies require of the relying party's hash and of the flags.
    pub(crate) fn check(&self, rp_id: &str, verify_user: bool) -> Result<(), Error> {
        if self.rp_id_hash != sha256(rp_id.as_bytes()) {
            return Err(Error::WrongRelyingParty);
        }
        if !self.flags.user_present() {
            return Err(Error::UserNotPresent);
        }
        if verify_user && !self.flags.user_verified() {
            return Err(Error::UserNotVerified);
        }
        if self.flags.backed_up() && !self.flags.backup_eligible() {
            return Err(Error::InconsistentBackup);
        }
        Ok(())
    }
}

impl<'a> AttestedCredential<'a> {
    fn parse(bytes: &mut &'a [u8]) -> Result<Self, Error> {
        let aaguid = take_array(bytes)?;
        let length = usize::from(u16::from_be_bytes(take_array(bytes)?));
        if !(MIN_CREDENTIAL_ID_BYTES..=MAX_CREDENTIAL_ID_BYTES).contains(&length) {
            return Err(Error::CredentialId);
        }
        let id = take(bytes, length)?;
        let (_, rest) = cbor::decode_first(bytes)?;
        let public_key = take(bytes, bytes.len() - rest.len())?;
        Ok(Self { aaguid, id, public_key })
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Error::MalformedAuthenticatorData)?;
    *bytes = rest;
    Ok(taken)
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Error> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Error::MalformedAuthenticatorData)?;
    *bytes = rest;
    Ok(*taken)
}
