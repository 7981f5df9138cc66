use serde_json::json;
use test_support::Authenticator;
use test_support::authenticator::{BACKED_UP, BACKUP_ELIGIBLE, USER_PRESENT, USER_VERIFIED};
use webauthn::{Counter, Error, Use};

use crate::fixture::{
    ORIGIN, RP_ID, USER_HANDLE, assert, authenticator, ceremony, encode, registered, relying_party, stored,
};

#[test]
fn an_assertion_returns_what_changed() {
    let mut authenticator = authenticator();
    let registration = registered(&mut authenticator);
    authenticator.flags = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE;
    authenticator.sign_count = 7;
    let response = authenticator.assert(&ceremony());
    let assertion = assert(&response, &registration, Use::Passwordless).expect("well-formed").expect("valid");
    assert_eq!((assertion.sign_count, assertion.counter), (7, Counter::Plausible));
    assert!(assertion.user_verified && !assertion.backed_up);
    assert_eq!(assertion.user_handle.as_deref(), Some(USER_HANDLE));
}

#[test]
fn a_counter_that_does_not_grow_is_suspicious_unless_there_is_none() {
    for (stored_count, presented, expected) in [
        (0, 0, Counter::Plausible),
        (0, 1, Counter::Plausible),
        (5, 6, Counter::Plausible),
        (5, u32::MAX, Counter::Plausible),
        (5, 5, Counter::Suspicious),
        (5, 4, Counter::Suspicious),
        (5, 0, Counter::Suspicious),
        (u32::MAX, 0, Counter::Suspicious),
    ] {
        let mut authenticator = Authenticator::device_bound(RP_ID, ORIGIN);
        authenticator.sign_count = stored_count;
        let registration = registered(&mut authenticator);
        authenticator.sign_count = presented;
        let response = authenticator.assert(&ceremony());
        let assertion =
            assert(&response, &registration, Use::Passwordless).expect("well-formed").expect("valid");
        assert_eq!((assertion.counter, assertion.sign_count), (expected, presented), "{stored_count}");
    }
}

#[test]
fn flags_decide_about_each_use() {
    for (flags, passwordless, second_factor) in [
        (USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE, Ok(()), Ok(())),
        (USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP, Ok(()), Ok(())),
        (USER_PRESENT | BACKUP_ELIGIBLE, Err(Error::UserNotVerified), Ok(())),
        (USER_VERIFIED | BACKUP_ELIGIBLE, Err(Error::UserNotPresent), Err(Error::UserNotPresent)),
        (
            USER_PRESENT | USER_VERIFIED,
            Err(Error::BackupEligibilityChanged),
            Err(Error::BackupEligibilityChanged),
        ),
        (
            USER_PRESENT | USER_VERIFIED | BACKED_UP,
            Err(Error::InconsistentBackup),
            Err(Error::InconsistentBackup),
        ),
    ] {
        let mut authenticator = authenticator();
        let registration = registered(&mut authenticator);
        authenticator.flags = flags;
        let response = authenticator.assert(&ceremony());
        for (r#use, expected) in [(Use::Passwordless, passwordless), (Use::SecondFactor, second_factor)] {
            let outcome = assert(&response, &registration, r#use).expect("well-formed");
            assert_eq!(outcome.map(drop), expected, "{flags:#x} {use:?}");
        }
    }
}

#[test]
fn a_credential_that_was_bound_to_a_device_never_becomes_eligible_for_backup() {
    let mut authenticator = Authenticator::device_bound(RP_ID, ORIGIN);
    let registration = registered(&mut authenticator);
    authenticator.flags |= BACKUP_ELIGIBLE;
    authenticator.sign_count += 1;
    let outcome = assert(&authenticator.assert(&ceremony()), &registration, Use::SecondFactor);
    assert_eq!(outcome.expect("well-formed").map(drop), Err(Error::BackupEligibilityChanged));
}

#[test]
fn the_user_handle_is_the_owners_and_present_without_a_password() {
    let mut authenticator = authenticator();
    let registration = registered(&mut authenticator);
    for (handle, passwordless, second_factor) in [
        (Some(encode(USER_HANDLE)), Ok(()), Ok(())),
        (None, Err(Error::MissingUserHandle), Ok(())),
        (Some(encode(b"another user")), Err(Error::WrongUserHandle), Err(Error::WrongUserHandle)),
        (Some(String::new()), Err(Error::WrongUserHandle), Err(Error::WrongUserHandle)),
    ] {
        authenticator.user_handle.clone_from(&handle);
        let response = authenticator.assert(&ceremony());
        for (r#use, expected) in [(Use::Passwordless, passwordless), (Use::SecondFactor, second_factor)] {
            let outcome = assert(&response, &registration, r#use).expect("well-formed");
            assert_eq!(outcome.map(drop), expected, "{handle:?} {use:?}");
        }
    }
}

#[test]
fn the_key_of_another_credential_does_not_verify() {
    let mut first = authenticator();
    let mut second = authenticator();
    let (first_registration, second_registration) = (registered(&mut first), registered(&mut second));
    let response = first.assert(&ceremony());
    let outcome = assert(&response, &second_registration, Use::Passwordless).expect("well-formed");
    assert_eq!(outcome.map(drop), Err(Error::CredentialId));

    let response: webauthn::AuthenticationResponse = serde_json::from_value(response).expect("well-formed");
    let relying_party = relying_party();
    let presented = response.check(&relying_party, crate::fixture::is_ours).expect("valid client data");
    assert_eq!(presented.credential_id(), first.credential_id);
    let mut mixed = stored(&first_registration);
    mixed.public_key = &second_registration.public_key;
    assert_eq!(presented.verify(&mixed, Use::Passwordless).map(drop), Err(Error::BadSignature));
}

#[test]
fn a_registration_is_no_assertion() {
    let mut authenticator = authenticator();
    let registration = registered(&mut authenticator);
    let mut response = authenticator.assert(&ceremony());
    let created = authenticator.register(&ceremony());
    response["response"]["clientDataJSON"] = created["response"]["clientDataJSON"].clone();
    let outcome = assert(&response, &registration, Use::Passwordless).expect("well-formed");
    assert_eq!(outcome.map(drop), Err(Error::WrongType));
}

#[test]
fn authenticator_data_with_a_credential_or_other_bytes_is_refused() {
    let mut authenticator = authenticator();
    let registration = registered(&mut authenticator);
    let valid = authenticator.assert(&ceremony());
    let client_data = crate::fixture::decode(&valid["response"]["clientDataJSON"]);
    let data = crate::fixture::decode(&valid["response"]["authenticatorData"]);
    let with_flags = |bits: u8, more: &[u8]| {
        let mut changed = [&data[..], more].concat();
        changed[32] |= bits;
        changed
    };
    let credential = [&[0; 16][..], &[0, 16], &[1; 16], &authenticator.cose_key()].concat();
    for (data, expected) in [
        (with_flags(0, b""), Ok(())),
        (with_flags(0x80, b"\xa1\x63prf\xf5"), Ok(())),
        (with_flags(0, b"\0"), Err(Error::TrailingBytes)),
        (with_flags(0, b"\xa0"), Err(Error::TrailingBytes)),
        (with_flags(0x80, b""), Err(Error::MalformedCbor)),
        (with_flags(0x80, b"\x80"), Err(Error::MalformedAuthenticatorData)),
        (with_flags(0x80, b"\xa0\0"), Err(Error::TrailingBytes)),
        (with_flags(0x40, &credential), Err(Error::CredentialData)),
        (data[..36].to_vec(), Err(Error::MalformedAuthenticatorData)),
        (Vec::new(), Err(Error::MalformedAuthenticatorData)),
    ] {
        let mut response = valid.clone();
        response["response"]["authenticatorData"] = json!(encode(&data));
        response["response"]["signature"] = json!(encode(&authenticator.sign(&data, &client_data)));
        let outcome = assert(&response, &registration, Use::Passwordless).expect("well-formed");
        assert_eq!(outcome.map(drop), expected, "{data:x?}");
    }
}
