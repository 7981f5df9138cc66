//! The test vectors of the standard (WebAuthn Level 3 §16), with our verdict on each.

use serde_json::{Value, json};
use webauthn::attestation::AttestationObject;
use webauthn::cose::PublicKey;
use webauthn::{AuthenticationResponse, Error, Registration, RegistrationResponse, StoredCredential, Use};

use crate::fixture::{encode, relying_party, unhex};

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("w3c_vectors.json")).expect("JSON");
    file["vectors"].as_array().expect("vectors").clone()
}

fn bytes(hex: &Value) -> Vec<u8> {
    unhex(hex.as_str().expect("hexadecimal"))
}

fn register(vector: &Value) -> Result<Registration, Error> {
    let registration = &vector["registration"];
    let member = |name: &str| encode(&bytes(&registration[name]));
    let response: RegistrationResponse = serde_json::from_value(json!({
        "id": member("credential_id"),
        "rawId": member("credential_id"),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": member("clientDataJSON"),
            "attestationObject": member("attestationObject"),
            "transports": [],
        },
    }))
    .expect("well-formed");
    let challenge = bytes(&registration["challenge"]);
    response.verify(&relying_party(), false, |presented| {
        if presented == challenge { Ok(()) } else { Err(Error::UnknownChallenge) }
    })
}

/// The assertion with the key in the attestation object, whether or not its attestation is accepted.
fn assert(vector: &Value) -> Result<(), Error> {
    let object = bytes(&vector["registration"]["attestationObject"]);
    let registered = AttestationObject::parse(&object)?.authenticator_data()?;
    let credential = registered.credential.expect("a credential");
    let authentication = &vector["authentication"];
    let member = |name: &str| encode(&bytes(&authentication[name]));
    let response: AuthenticationResponse = serde_json::from_value(json!({
        "id": encode(credential.id),
        "rawId": encode(credential.id),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": member("clientDataJSON"),
            "authenticatorData": member("authenticatorData"),
            "signature": member("signature"),
        },
    }))
    .expect("well-formed");
    let challenge = bytes(&authentication["challenge"]);
    let relying_party = relying_party();
    let presented = response.check(&relying_party, |presented| {
        if presented == challenge { Ok(()) } else { Err(Error::UnknownChallenge) }
    })?;
    let stored = StoredCredential {
        id: credential.id,
        public_key: credential.public_key,
        sign_count: registered.sign_count,
        backup_eligible: registered.flags.backup_eligible(),
        user_handle: b"",
    };
    presented.verify(&stored, Use::SecondFactor).map(drop)
}

#[test]
fn every_vector_of_the_standard_has_the_intended_verdict() {
    let accepted = (Ok(()), Ok(()));
    let foreign_attestation = (Err(Error::UnsupportedAttestation), Ok(()));
    let foreign_algorithm = (Err(Error::UnsupportedAlgorithm), Err(Error::UnsupportedAlgorithm));
    let cross_origin = (Err(Error::CrossOrigin), Err(Error::CrossOrigin));
    let verdicts = [
        ("none-es256", accepted),
        ("packed-self-es256", accepted),
        ("none-es256-crossOrigin", cross_origin),
        ("none-es256-topOrigin", cross_origin),
        ("none-es256-long-credential-id", accepted),
        ("packed-es256", foreign_attestation),
        ("packed-es384", foreign_algorithm),
        ("packed-es512", foreign_algorithm),
        ("packed-rs256", foreign_attestation),
        ("packed-eddsa", foreign_attestation),
        ("packed-ed448", foreign_algorithm),
        ("tpm-es256", foreign_attestation),
        ("android-key-es256", foreign_attestation),
        ("apple-es256", foreign_attestation),
        ("fido-u2f-es256", foreign_attestation),
    ];
    let vectors = vectors();
    assert_eq!(vectors.len(), verdicts.len());
    for (vector, (name, verdict)) in vectors.iter().zip(verdicts) {
        assert_eq!(vector["name"], name);
        assert_eq!((register(vector).map(drop), assert(vector)), verdict, "{name}");
    }
}

#[test]
fn a_registration_returns_what_the_authenticator_said() {
    let vector = &vectors()[1];
    let registration = register(vector).expect("valid");
    assert_eq!(registration.credential_id, bytes(&vector["registration"]["credential_id"]));
    assert_eq!(registration.challenge, bytes(&vector["registration"]["challenge"]));
    assert_eq!(registration.aaguid.to_vec(), unhex("df850e09db6afbdfab51697791506cfc"));
    assert_eq!(registration.algorithm.number(), -7);
    // The flags of the example are 0x5d: UP, UV, BE, BS and AT.
    assert!(registration.user_verified && registration.backup_eligible && registration.backed_up);
    assert_eq!((registration.sign_count, registration.discoverable), (0, None));
    PublicKey::from_cose(&registration.public_key).expect("the key");
}
