//! The reasons for which a response is refused, worded for the log.

/// Why a registration or an assertion is refused: one variant per rule of WebAuthn Level 3 §7.1 and §7.2.
///
/// The messages contain no part of the response, because an attacker can write anything into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `id` and `rawId` differ.
    #[error("id and rawId differ")]
    IdMismatch,
    /// `type` is not `public-key`.
    #[error("the credential is not a public key")]
    NotPublicKey,
    /// More transports than exist, or one that is too long or not a lower-case name.
    #[error("the transports are malformed")]
    MalformedTransports,
    /// The client data is not UTF-8, not a JSON object, or a member is missing, duplicated or mistyped.
    #[error("the client data is malformed")]
    MalformedClientData,
    /// The client data is from the other ceremony.
    #[error("the client data is of another type of ceremony")]
    WrongType,
    /// The challenge was not issued by this service, or for another purpose, session or login.
    #[error("the challenge was not issued for this ceremony")]
    UnknownChallenge,
    /// The challenge is older than [`CHALLENGE_SECONDS`](crate::CHALLENGE_SECONDS).
    #[error("the challenge has expired")]
    ExpiredChallenge,
    /// The origin is not in the list, byte for byte.
    #[error("the origin is not allowed")]
    OriginNotAllowed,
    /// `crossOrigin` is true or `topOrigin` is present: the ceremony ran in a frame of another site.
    #[error("the ceremony ran in a cross-origin frame")]
    CrossOrigin,
    /// The CBOR is truncated, of an unsupported type, too deep, or has too many entries.
    #[error("the CBOR is malformed")]
    MalformedCbor,
    /// A length or a number is not in its shortest form, or a length is indefinite.
    #[error("the CBOR is not in its shortest form")]
    NonCanonicalCbor,
    /// A map has a duplicate key.
    #[error("the CBOR has a duplicate key")]
    DuplicateKey,
    /// Bytes follow the end of a structure.
    #[error("bytes follow the end of the data")]
    TrailingBytes,
    /// The authenticator data is truncated, or its extensions are not a map.
    #[error("the authenticator data is malformed")]
    MalformedAuthenticatorData,
    /// The authenticator signed for another relying party.
    #[error("the authenticator data is for another relying party")]
    WrongRelyingParty,
    /// The user did not touch the authenticator.
    #[error("the user was not present")]
    UserNotPresent,
    /// The ceremony requires a PIN or biometrics, and the authenticator asked for none.
    #[error("the user was not verified")]
    UserNotVerified,
    /// The flags say that a credential is backed up that cannot be backed up.
    #[error("the credential is backed up but not eligible for it")]
    InconsistentBackup,
    /// Credential data is missing in a registration, or present in an assertion.
    #[error("the credential data is missing or unexpected")]
    CredentialData,
    /// The credential id is too short or too long, or not the one of the authenticator data or of the stored credential.
    #[error("the credential id is invalid")]
    CredentialId,
    /// The COSE key is not exactly the members of a supported key, or its numbers are not a public key.
    #[error("the public key is invalid")]
    InvalidKey,
    /// The COSE key is for another algorithm than ES256, EdDSA and RS256.
    #[error("the algorithm of the key is not supported")]
    UnsupportedAlgorithm,
    /// The attestation object is not exactly `fmt`, `attStmt` and `authData`, or its statement is malformed.
    #[error("the attestation object is malformed")]
    MalformedAttestation,
    /// The attestation is neither `none` nor `packed` self attestation.
    #[error("the attestation format is not supported")]
    UnsupportedAttestation,
    /// The signature does not match the key and the content.
    #[error("the signature is invalid")]
    BadSignature,
    /// The assertion names no user, although the request named no credential.
    #[error("the user handle is missing")]
    MissingUserHandle,
    /// The assertion names another user than the owner of the credential.
    #[error("the user handle is of another user")]
    WrongUserHandle,
    /// Whether a credential can be backed up never changes.
    #[error("the backup eligibility of the credential changed")]
    BackupEligibilityChanged,
}
