use serde_json::json;
use test_support::authenticator::{BACKED_UP, BACKUP_ELIGIBLE, USER_PRESENT, USER_VERIFIED};
use webauthn::{Error, RegistrationResponse};

use crate::fixture::{authenticator, ceremony, encode, is_ours, register, registered, relying_party};

#[test]
fn a_registration_returns_the_credential_to_store() {
    let mut authenticator = authenticator();
    let key = authenticator.cose_key();
    let registration = registered(&mut authenticator);
    assert_eq!(registration.credential_id, authenticator.credential_id);
    assert_eq!(registration.public_key, key);
    assert_eq!(registration.transports, ["hybrid", "internal"]);
    assert_eq!(registration.discoverable, Some(true));
    assert_eq!(registration.aaguid, [0; 16]);
    assert!(registration.user_verified && registration.backup_eligible && registration.backed_up);
}

#[test]
fn self_attestation_is_verified() {
    let mut authenticator = authenticator();
    authenticator.self_attestation = true;
    registered(&mut authenticator);
}

#[test]
fn flags_that_contradict_each_other_or_lack_the_user_are_refused() {
    for (flags, expected) in [
        (USER_VERIFIED, Err(Error::UserNotPresent)),
        (USER_PRESENT, Err(Error::UserNotVerified)),
        (USER_PRESENT | USER_VERIFIED | BACKED_UP, Err(Error::InconsistentBackup)),
        (USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE, Ok(())),
        (USER_PRESENT | USER_VERIFIED, Ok(())),
        (USER_PRESENT | USER_VERIFIED | 0x22, Ok(())),
    ] {
        let mut authenticator = authenticator();
        authenticator.flags = flags;
        let outcome = register(&authenticator.register(&ceremony())).expect("well-formed");
        assert_eq!(outcome.map(drop), expected, "{flags:#x}");
    }
}

#[test]
fn a_security_key_registers_without_user_verification() {
    let mut authenticator = authenticator();
    authenticator.flags = USER_PRESENT;
    let response = authenticator.register(&ceremony());
    let response: RegistrationResponse = serde_json::from_value(response).expect("well-formed");
    let registration = response.verify(&relying_party(), false, is_ours).expect("valid");
    assert!(!registration.user_verified);
}

#[test]
fn another_relying_party_or_origin_is_refused() {
    let mut other = authenticator();
    other.rp_id = "example.com".to_owned();
    let outcome = register(&other.register(&ceremony())).expect("well-formed");
    assert_eq!(outcome.map(drop), Err(Error::WrongRelyingParty));

    for origin in [
        "https://example.org/",
        "https://example.org:443",
        "HTTPS://example.org",
        "http://example.org",
        "https://a.example.org",
        "",
    ] {
        let mut other = authenticator();
        other.origin = origin.to_owned();
        let outcome = register(&other.register(&ceremony())).expect("well-formed");
        assert_eq!(outcome.map(drop), Err(Error::OriginNotAllowed), "{origin}");
    }
}

#[test]
fn client_data_is_read_strictly() {
    let challenge = encode(crate::fixture::CHALLENGE);
    let valid = format!(
        r#""type":"webauthn.create","challenge":"{challenge}","origin":"https://example.org","crossOrigin":false"#
    );
    for (client_data, expected) in [
        (format!("{{{valid}}}"), Ok(())),
        (format!(r#"{{{valid},"future":[1]}}"#), Ok(())),
        (format!("{{{}}}", valid.replace(r#","crossOrigin":false"#, "")), Ok(())),
        (format!("{{{}}}", valid.replace("false", "true")), Err(Error::CrossOrigin)),
        (format!(r#"{{{valid},"topOrigin":"https://example.org"}}"#), Err(Error::CrossOrigin)),
        (format!(r#"{{{valid},"topOrigin":null}}"#), Err(Error::CrossOrigin)),
        (format!("{{{}}}", valid.replace("create", "get")), Err(Error::WrongType)),
        (format!("{{{}}}", valid.replace(&challenge, "AAAA")), Err(Error::UnknownChallenge)),
        (
            format!("{{{}}}", valid.replace(&challenge, &format!("{challenge}="))),
            Err(Error::MalformedClientData),
        ),
        (format!(r#"{{{valid},"origin":"https://example.org"}}"#), Err(Error::MalformedClientData)),
        (format!(r#"{{{valid},"crossOrigin":null}}"#), Err(Error::MalformedClientData)),
        (format!("{{{valid}}}{{}}"), Err(Error::MalformedClientData)),
        (format!("\u{feff}{{{valid}}}"), Err(Error::MalformedClientData)),
        ("[]".to_owned(), Err(Error::MalformedClientData)),
        (String::new(), Err(Error::MalformedClientData)),
    ] {
        let mut response = authenticator().register(&ceremony());
        response["response"]["clientDataJSON"] = json!(encode(client_data.as_bytes()));
        assert_eq!(register(&response).expect("well-formed").map(drop), expected, "{client_data}");
    }
}

#[test]
fn credential_ids_have_16_to_1023_bytes() {
    for (length, is_valid) in [(0, false), (15, false), (16, true), (1023, true)] {
        let mut authenticator = authenticator();
        authenticator.credential_id = vec![7; length];
        let outcome = register(&authenticator.register(&ceremony())).expect("well-formed");
        assert_eq!(outcome.map(drop), if is_valid { Ok(()) } else { Err(Error::CredentialId) }, "{length}");
    }
    let mut authenticator = authenticator();
    authenticator.credential_id = vec![7; 1024];
    assert!(register(&authenticator.register(&ceremony())).is_err(), "longer ids are malformed JSON");
}

#[test]
fn transports_are_names_and_few() {
    for (transports, is_valid) in [
        (json!([]), true),
        (json!(["usb", "usb", "nfc", "smart-card", "of-the-future2"]), true),
        (json!(["USB"]), false),
        (json!([""]), false),
        (json!(["x".repeat(33)]), false),
        (json!(["a", "b", "c", "d", "e", "f", "g", "h", "i"]), false),
    ] {
        let mut response = authenticator().register(&ceremony());
        response["response"]["transports"] = transports.clone();
        let outcome = register(&response).expect("well-formed").map(drop);
        assert_eq!(outcome, if is_valid { Ok(()) } else { Err(Error::MalformedTransports) }, "{transports}");
    }
}
