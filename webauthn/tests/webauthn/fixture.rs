//! A relying party, an authenticator, and both ceremonies between them.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};
use test_support::Authenticator;
use webauthn::{
    Assertion, AuthenticationResponse, Error, Registration, RegistrationResponse, RelyingParty,
    StoredCredential, Use,
};

pub const RP_ID: &str = "example.org";
pub const ORIGIN: &str = "https://example.org";
pub const CHALLENGE: &[u8] = b"an unpredictable challenge";
pub const USER_HANDLE: &[u8] = b"0123456789abcdef";

pub fn relying_party() -> RelyingParty {
    RelyingParty { id: RP_ID.to_owned(), name: "Example".to_owned(), origins: vec![ORIGIN.to_owned()] }
}

pub fn authenticator() -> Authenticator {
    Authenticator::new(RP_ID, ORIGIN)
}

/// What the authenticators read of the options of both ceremonies.
pub fn ceremony() -> Value {
    json!({
        "challenge": encode(CHALLENGE),
        "user": { "id": encode(USER_HANDLE) },
        "authenticatorSelection": { "residentKey": "required" },
    })
}

pub fn is_ours(challenge: &[u8]) -> Result<(), Error> {
    if challenge == CHALLENGE { Ok(()) } else { Err(Error::UnknownChallenge) }
}

/// The outer error is that of a response that is not even well-formed JSON for the ceremony.
pub fn register(response: &Value) -> Result<Result<Registration, Error>, serde_json::Error> {
    let response: RegistrationResponse = serde_json::from_value(response.clone())?;
    Ok(response.verify(&relying_party(), true, is_ours))
}

pub fn assert(
    response: &Value,
    registration: &Registration,
    r#use: Use,
) -> Result<Result<Assertion, Error>, serde_json::Error> {
    let response: AuthenticationResponse = serde_json::from_value(response.clone())?;
    let relying_party = relying_party();
    Ok(response
        .check(&relying_party, is_ours)
        .and_then(|presented| presented.verify(&stored(registration), r#use)))
}

pub fn stored(registration: &Registration) -> StoredCredential<'_> {
    StoredCredential {
        id: &registration.credential_id,
        public_key: &registration.public_key,
        sign_count: registration.sign_count,
        backup_eligible: registration.backup_eligible,
        user_handle: USER_HANDLE,
    }
}

/// Registers the authenticator.
pub fn registered(authenticator: &mut Authenticator) -> Registration {
    register(&authenticator.register(&ceremony())).expect("well-formed").expect("a valid registration")
}

pub fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text.as_str().expect("a text")).expect("base64url")
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal");
    digits.chunks(2).map(byte).collect()
}
