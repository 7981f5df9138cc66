use serde_json::{Value, json};
use webauthn::{
    Base64Url, CHALLENGE_BYTES, CreationOptions, CredentialDescriptor, Kind, RequestOptions, User,
    UserVerification,
};

use crate::fixture::{USER_HANDLE, encode, relying_party};

fn creation(kind: Kind) -> Value {
    let user = User {
        id: Base64Url::new(USER_HANDLE).expect("short"),
        name: "ada@example.org".to_owned(),
        display_name: "Ada".to_owned(),
    };
    let existing = vec![CredentialDescriptor::new(&[9; 16], vec!["usb".to_owned()]).expect("short")];
    let options = CreationOptions::new(&relying_party(), user, &[1; CHALLENGE_BYTES], kind, existing);
    serde_json::to_value(options).expect("JSON")
}

#[test]
fn creation_options_ask_for_what_the_kind_needs() {
    let mut passkey = creation(Kind::Passkey);
    let selection = passkey["authenticatorSelection"].take();
    assert_eq!(
        selection,
        json!({ "residentKey": "required", "requireResidentKey": true, "userVerification": "required" })
    );
    let mut security_key = creation(Kind::SecurityKey);
    let selection = security_key["authenticatorSelection"].take();
    assert_eq!(
        selection,
        json!({ "residentKey": "discouraged", "requireResidentKey": false, "userVerification": "discouraged" })
    );
    assert_eq!(passkey, security_key);
    assert_eq!(
        passkey,
        json!({
            "rp": { "id": "example.org", "name": "Example" },
            "user": { "id": encode(USER_HANDLE), "name": "ada@example.org", "displayName": "Ada" },
            "challenge": encode(&[1; CHALLENGE_BYTES]),
            "pubKeyCredParams": [
                { "type": "public-key", "alg": -8 },
                { "type": "public-key", "alg": -7 },
                { "type": "public-key", "alg": -257 },
            ],
            "timeout": 300_000,
            "excludeCredentials": [{ "type": "public-key", "id": encode(&[9; 16]), "transports": ["usb"] }],
            "authenticatorSelection": null,
            "attestation": "none",
            "extensions": { "credProps": true },
        })
    );
}

#[test]
fn request_options_name_the_credentials_if_the_user_is_known() {
    let options =
        RequestOptions::new(&relying_party(), &[1; CHALLENGE_BYTES], Vec::new(), UserVerification::Required);
    assert_eq!(
        serde_json::to_value(options).expect("JSON"),
        json!({
            "challenge": encode(&[1; CHALLENGE_BYTES]),
            "timeout": 300_000,
            "rpId": "example.org",
            "allowCredentials": [],
            "userVerification": "required",
        })
    );
}
