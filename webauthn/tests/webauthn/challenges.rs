use webauthn::{CHALLENGE_BYTES, CHALLENGE_SECONDS, Challenges, Error, Purpose};

const NOW: u64 = 1_800_000_000;
const PURPOSES: [Purpose; 5] = [
    Purpose::AddPasskey,
    Purpose::AddSecurityKey,
    Purpose::Login,
    Purpose::SecondFactor,
    Purpose::Reauthenticate,
];

fn challenges() -> Challenges {
    Challenges::new(&[7; 32])
}

#[test]
fn a_challenge_is_valid_for_five_minutes_on_every_server() {
    let challenge = challenges().issue(Purpose::Login, b"", NOW).expect("random bytes");
    let check = |now| challenges().check(&challenge, Purpose::Login, b"", now);
    assert_eq!(check(NOW), Ok(()));
    // The clock of another server can be behind.
    assert_eq!(check(NOW - 5), Ok(()));
    assert_eq!(check(NOW + CHALLENGE_SECONDS - 1), Ok(()));
    assert_eq!(check(NOW + CHALLENGE_SECONDS), Err(Error::ExpiredChallenge));
    assert_eq!(check(u64::MAX), Err(Error::ExpiredChallenge));
}

#[test]
fn a_challenge_is_valid_for_its_purpose_and_binding_only() {
    for purpose in PURPOSES {
        let challenge = challenges().issue(purpose, b"session", NOW).expect("random bytes");
        for other in PURPOSES {
            let expected = if other == purpose { Ok(()) } else { Err(Error::UnknownChallenge) };
            assert_eq!(
                challenges().check(&challenge, other, b"session", NOW),
                expected,
                "{purpose:?} {other:?}"
            );
        }
        for binding in [&b""[..], b"sessio", b"session2", b"Session"] {
            assert_eq!(challenges().check(&challenge, purpose, binding, NOW), Err(Error::UnknownChallenge));
        }
    }
}

#[test]
fn challenges_differ_and_cannot_be_changed_or_made_with_another_key() {
    let challenge = challenges().issue(Purpose::Login, b"", NOW).expect("random bytes");
    assert_ne!(challenge, challenges().issue(Purpose::Login, b"", NOW).expect("random bytes"));
    let other_key = Challenges::new(&[8; 32]);
    assert_eq!(other_key.check(&challenge, Purpose::Login, b"", NOW), Err(Error::UnknownChallenge));
    for bit in 0..CHALLENGE_BYTES * 8 {
        let mut changed = challenge;
        changed[bit / 8] ^= 1 << (bit % 8);
        let outcome = challenges().check(&changed, Purpose::Login, b"", NOW);
        assert_eq!(outcome, Err(Error::UnknownChallenge), "{bit}");
    }
    for length in 0..CHALLENGE_BYTES {
        let outcome = challenges().check(&challenge[..length], Purpose::Login, b"", NOW);
        assert_eq!(outcome, Err(Error::UnknownChallenge), "{length}");
    }
}
