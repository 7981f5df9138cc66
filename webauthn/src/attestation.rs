//! The attestation object of a registration (WebAuthn Level 3 §6.5.4), with the formats `none` and `packed`.

use crate::authenticator_data::AuthenticatorData;
use crate::cbor::{self, Value};
use crate::cose::PublicKey;
use crate::error::Error;

/// An attestation object whose statement is not verified yet.
#[derive(Debug)]
pub struct AttestationObject<'a> {
    format: &'a str,
    statement: Vec<(Value<'a>, Value<'a>)>,
    authenticator_data: &'a [u8],
}

impl<'a> AttestationObject<'a> {
    /// Reads the three members, and refuses others.
    ///
    /// # Errors
    /// The bytes are not canonical CBOR, or not exactly these members.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let Value::Map(members) = cbor::decode(bytes)? else { return Err(Error::MalformedAttestation) };
        let (mut format, mut statement, mut data) = (None, None, None);
        for member in members {
            match member {
                (Value::Text("fmt"), Value::Text(value)) => format = Some(value),
                (Value::Text("attStmt"), Value::Map(value)) => statement = Some(value),
                (Value::Text("authData"), Value::Bytes(value)) => data = Some(value),
                _ => return Err(Error::MalformedAttestation),
            }
        }
        match (format, statement, data) {
            (Some(format), Some(statement), Some(authenticator_data)) => {
                Ok(Self { format, statement, authenticator_data })
            }
            _ => Err(Error::MalformedAttestation),
        }
    }

    /// The authenticator data in the object.
    ///
    /// # Errors
    /// The data is malformed.
    pub fn authenticator_data(&self) -> Result<AuthenticatorData<'a>, Error> {
        AuthenticatorData::parse(self.authenticator_data)
    }

    /// Verifies the statement: empty for `none` (§8.7), a signature by the new key itself for `packed` (§8.2).
    ///
    /// # Errors
    /// The format is another one, the statement has a certificate or is malformed, or the signature is invalid.
    pub fn verify(&self, key: &PublicKey, client_data_hash: &[u8; 32]) -> Result<(), Error> {
        match self.format {
            "none" if self.statement.is_empty() => Ok(()),
            "none" => Err(Error::MalformedAttestation),
            "packed" => {
                let signature = self.self_signature(key)?;
                key.verify(&[self.authenticator_data, client_data_hash].concat(), signature)
            }
            _ => Err(Error::UnsupportedAttestation),
        }
    }

    fn self_signature(&self, key: &PublicKey) -> Result<&'a [u8], Error> {
        let (mut algorithm, mut signature) = (None, None);
        for member in &self.statement {
            match member {
                (Value::Text("alg"), Value::Integer(number)) => algorithm = Some(*number),
                (Value::Text("sig"), Value::Bytes(bytes)) => signature = Some(*bytes),
                // The certificate of a maker.
                (Value::Text("x5c"), _) => return Err(Error::UnsupportedAttestation),
                _ => return Err(Error::MalformedAttestation),
            }
        }
        if algorithm != Some(key.algorithm.number().into()) {
            return Err(Error::MalformedAttestation);
        }
        signature.ok_or(Error::MalformedAttestation)
    }
}
