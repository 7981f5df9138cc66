//! Responses of authenticators are refused or valid, never a panic. The second reading of an accepted response goes by
//! fixed positions and by ciborium.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ciborium::Value as Cbor;
use serde_json::{Value, json};
use webauthn::{
    AuthenticationResponse, Registration, RegistrationResponse, RelyingParty, StoredCredential, Use,
};

const RP_ID: &str = "example.org";
const ORIGIN: &str = "https://example.org";
static VECTORS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let file = include_str!("../../webauthn/tests/webauthn/w3c_vectors.json");
    let file: Value = serde_json::from_str(file).expect("JSON");
    file["vectors"].as_array().expect("vectors").clone()
});
static EXAMPLE: LazyLock<Registration> = LazyLock::new(|| {
    let response: RegistrationResponse = serde_json::from_value(registration(&VECTORS[1])).expect("JSON");
    response.verify(&relying_party(), false, |_| Ok(())).expect("a valid example")
});

/// The input is a response of either ceremony as JSON. Assertions are verified with the key of the second example of the
/// standard, so that an accepted one is that example.
pub fn check(data: &[u8]) {
    // As the server reads it.
    let Ok(data) = serde_json::from_slice::<Value>(data) else { return };
    let relying_party = relying_party();
    if let Ok(response) = serde_json::from_value::<RegistrationResponse>(data.clone())
        && let Ok(registration) = response.verify(&relying_party, false, |_| Ok(()))
    {
        check_registration(&data, &registration);
    }
    if let Ok(response) = serde_json::from_value::<AuthenticationResponse>(data.clone())
        && let Ok(presented) = response.check(&relying_party, |_| Ok(()))
    {
        check_client_data(&data, "webauthn.get");
        let example = &*EXAMPLE;
        let stored = StoredCredential {
            id: &example.credential_id,
            public_key: &example.public_key,
            sign_count: example.sign_count,
            backup_eligible: example.backup_eligible,
            user_handle: b"",
        };
        if presented.verify(&stored, Use::SecondFactor).is_ok() {
            let signed = &VECTORS[1]["authentication"];
            assert_eq!(member(&data, "authenticatorData"), unhex(&signed["authenticatorData"]), "a forgery");
            assert_eq!(member(&data, "clientDataJSON"), unhex(&signed["clientDataJSON"]), "a forgery");
        }
    }
}

fn check_registration(data: &Value, registration: &Registration) {
    check_client_data(data, "webauthn.create");
    let object: Cbor = ciborium::from_reader(&member(data, "attestationObject")[..]).expect("CBOR");
    let found = |name: &str| {
        let members = object.as_map().expect("a map");
        let mut found = members.iter().filter(|(key, _)| key.as_text() == Some(name));
        let (_, value) = found.next().expect("a member");
        assert!(found.next().is_none(), "{name} twice");
        value.clone()
    };
    assert!(["none", "packed"].contains(&found("fmt").as_text().expect("a text")));
    let bytes = found("authData").into_bytes().expect("bytes");
    assert_eq!(bytes[..32], *digest(&SHA256, RP_ID.as_bytes()).as_ref());
    let flags = bytes[32];
    assert_eq!(flags & 0x41, 0x41, "a present user and a credential");
    assert!(flags & 0x10 == 0 || flags & 0x08 != 0, "backed up without being eligible");
    assert_eq!(registration.user_verified, flags & 0x04 != 0);
    assert_eq!(registration.sign_count.to_be_bytes(), bytes[33..37]);
    assert_eq!(registration.aaguid, bytes[37..53]);
    let length = usize::from(u16::from_be_bytes([bytes[53], bytes[54]]));
    assert_eq!(registration.credential_id, bytes[55..55 + length]);
    let key: Cbor = ciborium::from_reader(&bytes[55 + length..]).expect("a COSE key");
    let algorithm = key.as_map().expect("a map").iter().find(|(label, _)| *label == Cbor::from(3));
    assert_eq!(algorithm.map(|(_, value)| value), Some(&Cbor::from(registration.algorithm.number())));
}

fn check_client_data(data: &Value, kind: &str) {
    let bytes = member(data, "clientDataJSON");
    // The verifier skips other members, also those with a text that is no Unicode.
    let Ok(client_data) = serde_json::from_slice::<Value>(&bytes) else { return };
    assert_eq!(client_data["type"], kind);
    assert_eq!(client_data["origin"], ORIGIN);
    assert!(client_data.get("topOrigin").is_none() && client_data["crossOrigin"] != true);
}

fn member(response: &Value, name: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(response["response"][name].as_str().expect("a text")).expect("base64url")
}

fn relying_party() -> RelyingParty {
    RelyingParty { id: RP_ID.to_owned(), name: String::new(), origins: vec![ORIGIN.to_owned()] }
}

fn registration(vector: &Value) -> Value {
    response(vector, &vector["registration"], &["clientDataJSON", "attestationObject"])
}

fn response(vector: &Value, example: &Value, members: &[&str]) -> Value {
    let text = |hex: &Value| json!(BASE64_URL_SAFE_NO_PAD.encode(unhex(hex)));
    let id = text(&vector["registration"]["credential_id"]);
    let members = members.iter().map(|name| ((*name).to_owned(), text(&example[name])));
    json!({ "id": id, "rawId": id, "type": "public-key", "response": members.collect::<serde_json::Map<_, _>>() })
}

fn unhex(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().expect("hexadecimal").as_bytes();
    let digit =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).expect("a digit");
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let responses = VECTORS.iter().flat_map(|vector| {
        let authentication = ["authenticatorData", "clientDataJSON", "signature"];
        [registration(vector), response(vector, &vector["authentication"], &authentication)]
    });
    responses.map(|response| response.to_string().into_bytes()).filter(|seed| seed.len() < 4096).collect()
}
