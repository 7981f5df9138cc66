use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use webauthn::cose::PublicKey;
use webauthn::{Algorithm, Error};

use crate::fixture::{authenticator, unhex};

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let head = match bytes.len() {
        0..24 => vec![0x40 + length[1]],
        24..256 => vec![0x58, length[1]],
        _ => vec![0x59, length[0], length[1]],
    };
    [head, bytes.to_vec()].concat()
}

/// {1: 3, 3: -257, -1: n, -2: e}
fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    [b"\xa4\x01\x03\x03\x39\x01\x00\x20", &string(n)[..], b"\x21", &string(e)].concat()
}

/// {1: 1, 3: -8, -1: 6, -2: x}
fn ed25519(x: &[u8]) -> Vec<u8> {
    [b"\xa4\x01\x01\x03\x27\x20\x06\x21", &string(x)[..]].concat()
}

fn error(cose: &[u8]) -> Error {
    PublicKey::from_cose(cose).map(drop).expect_err("not a key")
}

#[test]
fn an_ed25519_key_verifies_its_signatures_only() {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let key = PublicKey::from_cose(&ed25519(pair.public_key().as_ref())).expect("valid");
    assert_eq!(key.algorithm, Algorithm::EdDsa);
    let signature = pair.sign(b"message");
    assert_eq!(key.verify(b"message", signature.as_ref()), Ok(()));
    assert_eq!(key.verify(b"another", signature.as_ref()), Err(Error::BadSignature));
    assert_eq!(key.verify(b"message", b""), Err(Error::BadSignature));
    assert_eq!(error(&ed25519(&pair.public_key().as_ref()[..31])), Error::InvalidKey);
    assert_eq!(error(&ed25519(&[&[0], pair.public_key().as_ref()].concat())), Error::InvalidKey);
    let x509 = [&unhex("302a300506032b6570032100")[..], pair.public_key().as_ref()].concat();
    assert_eq!(error(&ed25519(&x509)), Error::InvalidKey);
}

#[test]
fn an_rsa_key_has_2048_to_4096_bits_in_shortest_form() {
    for (size, bytes) in [(KeySize::Rsa2048, 256), (KeySize::Rsa4096, 512)] {
        let pair = RsaKeyPair::generate(size).expect("a key");
        let n = pair.public_key().modulus().big_endian_without_leading_zero();
        assert_eq!(n.len(), bytes);
        let key = PublicKey::from_cose(&rsa(n, &[1, 0, 1])).expect("valid");
        assert_eq!(key.algorithm, Algorithm::Rs256);
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"message", &mut signature).expect("a signature");
        assert_eq!(key.verify(b"message", &signature), Ok(()));
        assert_eq!(key.verify(b"another", &signature), Err(Error::BadSignature));
        assert_eq!(error(&rsa(&[&[0], n].concat(), &[1, 0, 1])), Error::InvalidKey);
        assert_eq!(error(&rsa(n, &[0, 1, 0, 1])), Error::InvalidKey);
        for exponent in [&[][..], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(error(&rsa(n, exponent)), Error::InvalidKey, "{exponent:?}");
        }
    }
    for (first, bytes) in [(0x7f, 256), (0x01, 513), (0xff, 128)] {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        assert_eq!(error(&rsa(&n, &[1, 0, 1])), Error::InvalidKey, "{bytes} bytes from {first:#x}");
    }
    assert_eq!(error(&rsa(&[], &[1, 0, 1])), Error::InvalidKey);
}

#[test]
fn a_p256_key_is_a_point_on_the_curve_with_exactly_its_members() {
    let valid = authenticator().cose_key();
    assert_eq!(PublicKey::from_cose(&valid).expect("valid").algorithm, Algorithm::Es256);
    let with = |position: usize, byte: u8| {
        let mut changed = valid.clone();
        changed[position] = byte;
        changed
    };
    // a5 01 02 03 26 20 01 21 58 20 x…
    assert_eq!(error(&with(2, 0x03)), Error::InvalidKey, "another type of key");
    assert_eq!(error(&with(4, 0x27)), Error::InvalidKey, "EdDSA with the members of a P-256 key");
    assert_eq!(error(&with(4, 0x28)), Error::UnsupportedAlgorithm);
    assert_eq!(error(&with(6, 0x02)), Error::InvalidKey, "another curve");
    assert_eq!(error(&with(15, valid[15] ^ 1)), Error::InvalidKey, "not on the curve");
    let more = [&with(0, 0xa6)[..], b"\x04\x80"].concat();
    assert_eq!(error(&more), Error::InvalidKey, "key_ops is superfluous");
    let less = [b"\xa4", &valid[1..42]].concat();
    assert_eq!(error(&less), Error::InvalidKey, "y is missing");
    let zeros = [&valid[..10], &[0; 32][..], b"\x22\x58\x20", &[0; 32]].concat();
    assert_eq!(error(&zeros), Error::InvalidKey, "the point at infinity");
}
