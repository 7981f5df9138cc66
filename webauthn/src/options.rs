//! The options of both ceremonies as JSON, for `PublicKeyCredential.parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON` (WebAuthn Level 3 §5.1.8, §5.1.9).

use serde::Serialize;

use crate::MAX_CREDENTIAL_ID_BYTES;
use crate::base64url::Base64Url;
use crate::challenge::{CHALLENGE_BYTES, CHALLENGE_SECONDS};
use crate::cose::Algorithm;
use crate::relying_party::RelyingParty;

/// The kinds of credentials that can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Found without its id, and protected by a PIN or biometrics: can replace the password.
    Passkey,
    /// A second factor only. Uses no slot of a hardware key, and works with old ones.
    SecurityKey,
}

/// Whether the authenticator must verify the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// The ceremony fails without.
    Required,
    /// The authenticator should not ask.
    Discouraged,
}

/// The user that a credential is registered for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user handle. Must not contain personal data.
    pub id: Base64Url<64>,
    /// The login, which authenticators show.
    pub name: String,
    /// The name for people, which authenticators may show.
    pub display_name: String,
}

/// A credential that already exists.
#[derive(Clone, Debug, Serialize)]
pub struct CredentialDescriptor {
    id: Base64Url<MAX_CREDENTIAL_ID_BYTES>,
    r#type: &'static str,
    transports: Vec<String>,
}

/// `PublicKeyCredentialCreationOptionsJSON`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: RelyingPartyEntity,
    user: User,
    challenge: Base64Url<CHALLENGE_BYTES>,
    pub_key_cred_params: [Parameters; 3],
    timeout: u64,
    exclude_credentials: Vec<CredentialDescriptor>,
    authenticator_selection: AuthenticatorSelection,
    attestation: &'static str,
    extensions: Extensions,
}

/// `PublicKeyCredentialRequestOptionsJSON`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    challenge: Base64Url<CHALLENGE_BYTES>,
    timeout: u64,
    rp_id: String,
    allow_credentials: Vec<CredentialDescriptor>,
    user_verification: UserVerification,
}

#[derive(Clone, Debug, Serialize)]
struct RelyingPartyEntity {
    id: String,
    name: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Parameters {
    r#type: &'static str,
    alg: i32,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticatorSelection {
    resident_key: &'static str,
    /// For browsers that know Level 1 only.
    require_resident_key: bool,
    user_verification: UserVerification,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    /// The browser tells whether the credential is discoverable.
    cred_props: bool,
}

impl CredentialDescriptor {
    /// `None` if the id is too long to be one.
    #[must_use]
    pub fn new(id: &[u8], transports: Vec<String>) -> Option<Self> {
        Some(Self { id: Base64Url::new(id)?, r#type: "public-key", transports })
    }
}

impl CreationOptions {
    /// Options to register a credential of this kind, on an authenticator that has none of `existing`.
    #[must_use]
    pub fn new(
        relying_party: &RelyingParty,
        user: User,
        challenge: &[u8; CHALLENGE_BYTES],
        kind: Kind,
        existing: Vec<CredentialDescriptor>,
    ) -> Self {
        let authenticator_selection = match kind {
            Kind::Passkey => AuthenticatorSelection {
                resident_key: "required",
                require_resident_key: true,
                user_verification: UserVerification::Required,
            },
            Kind::SecurityKey => AuthenticatorSelection {
                resident_key: "discouraged",
                require_resident_key: false,
                user_verification: UserVerification::Discouraged,
            },
        };
        Self {
            rp: RelyingPartyEntity { id: relying_party.id.clone(), name: relying_party.name.clone() },
            user,
            challenge: Base64Url::fixed(challenge),
            pub_key_cred_params: Algorithm::ALL
                .map(|algorithm| Parameters { r#type: "public-key", alg: algorithm.number() }),
            timeout: CHALLENGE_SECONDS * 1000,
            exclude_credentials: existing,
            authenticator_selection,
            attestation: "none",
            extensions: Extensions { cred_props: true },
        }
    }
}

impl RequestOptions {
    /// Options to use one of the `allowed` credentials, or any discoverable one if there are none.
    #[must_use]
    pub fn new(
        relying_party: &RelyingParty,
        challenge: &[u8; CHALLENGE_BYTES],
        allowed: Vec<CredentialDescriptor>,
        user_verification: UserVerification,
    ) -> Self {
        Self {
            challenge: Base64Url::fixed(challenge),
            timeout: CHALLENGE_SECONDS * 1000,
            rp_id: relying_party.id.clone(),
            allow_credentials: allowed,
            user_verification,
        }
    }
}
