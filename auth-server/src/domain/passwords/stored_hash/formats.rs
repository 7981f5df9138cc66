use std::num::NonZeroU32;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Params, Version};
use aws_lc_rs::pbkdf2;
use base64::alphabet::{BCRYPT, STANDARD};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::domain::passwords::stored_hash::{Method, scrypt};

/// Some programs do not clear the unused last bits of a salt.
const BCRYPT_SALT: GeneralPurpose =
    GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
const BCRYPT_DIGEST: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// Some programs write the padding, others do not.
pub const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent));

#[derive(Clone, Copy)]
pub enum Sha {
    Sha1,
    Sha256,
    Sha512,
}

impl Sha {
    /// The length of a digest.
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    pub fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// The formats that begin with a dollar sign: crypt(3), passlib and PHC.
pub fn crypt(text: &str) -> Option<Method> {
    let rest = text.strip_prefix('$')?;
    match rest.split_once('$')? {
        ("pbkdf2", rest) => passlib(Sha::Sha1, rest),
        ("pbkdf2-sha256", rest) => passlib(Sha::Sha256, rest),
        ("pbkdf2-sha512", rest) => passlib(Sha::Sha512, rest),
        ("scrypt", rest) => scrypt::phc(rest).map(Method::Scrypt),
        ("fbscrypt", rest) => scrypt::firebase(rest).map(Method::Scrypt),
        ("2a" | "2b" | "2y", _) => bcrypt(text),
        _ => argon2(text),
    }
}

/// argon2 in PHC format.
pub fn argon2(text: &str) -> Option<Method> {
    let phc = Phc::new(text).ok()?;
    let version = phc.version.map(Version::try_from).transpose();
    let usable = Algorithm::try_from(phc.algorithm.as_str()).is_ok()
        && version.is_ok()
        && Params::try_from(&phc).is_ok()
        && phc.salt.is_some()
        && phc.hash.is_some();
    usable.then(|| Method::Argon2(Box::new(phc)))
}

/// `$2b$12$`, 22 characters of salt, 31 of digest. The letter names the program that made it, and makes no difference.
pub fn bcrypt(text: &str) -> Option<Method> {
    let (cost, rest) =
        ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?.split_once('$')?;
    if cost.len() != 2 {
        return None;
    }
    let cost = number(cost).filter(|cost| (4..=31).contains(cost))?;
    let (salt, digest) = rest.split_at_checked(22)?;
    let salt = BCRYPT_SALT.decode(salt).ok()?.try_into().ok()?;
    let digest = BCRYPT_DIGEST.decode(digest).ok()?.try_into().ok()?;
    Some(Method::Bcrypt { cost, salt, digest })
}

/// `pbkdf2_sha256$ROUNDS$SALT$DIGEST`: the salt as text, the digest in base64.
pub fn django(sha: Sha, text: &str) -> Option<Method> {
    let [rounds, salt, digest] = parts(text)?;
    pbkdf2(sha, rounds, salt.into(), BASE64_STANDARD.decode(digest).ok()?)
}

/// `$pbkdf2-sha256$ROUNDS$SALT$DIGEST`: both in base64, in which passlib writes a dot instead of the plus. In the PHC format
/// the rounds are `i=ROUNDS` or `i=ROUNDS,l=BYTES`.
fn passlib(sha: Sha, text: &str) -> Option<Method> {
    let [rounds, salt, digest] = parts(text)?;
    let decode = |text: &str| BASE64.decode(text.replace('.', "+")).ok();
    let (salt, digest) = (decode(salt)?, decode(digest)?);
    let (rounds, length) = match rounds.strip_prefix("i=") {
        None => (rounds, None),
        Some(phc) => phc.split_once(",l=").map_or((phc, None), |(rounds, length)| (rounds, Some(length))),
    };
    let is_announced =
        length.is_none_or(|length| number(length).is_some_and(|length| length as usize == digest.len()));
    pbkdf2(sha, rounds, salt, digest).filter(|_| is_announced)
}

/// `pbkdf2:sha256:ROUNDS$SALT$DIGEST`: the salt as text, the digest in hex.
pub fn werkzeug(method: &str, text: &str) -> Option<Method> {
    let (sha, rounds) = method.split_once(':')?;
    let sha = match sha {
        "sha1" => Sha::Sha1,
        "sha256" => Sha::Sha256,
        "sha512" => Sha::Sha512,
        _ => return None,
    };
    let (salt, digest) = text.split_once('$')?;
    pbkdf2(sha, rounds, salt.into(), unhex(digest)?)
}

/// A digest of another length is damaged: the shorter it is, the more passwords match. Keycloak derives 64 bytes with any
/// function.
fn pbkdf2(sha: Sha, rounds: &str, salt: Vec<u8>, digest: Vec<u8>) -> Option<Method> {
    let rounds = number(rounds).and_then(NonZeroU32::new)?;
    let is_whole = [sha.bytes(), 64].contains(&digest.len());
    (is_whole && !salt.is_empty()).then_some(Method::Pbkdf2 { sha, rounds, salt, digest })
}

pub fn parts(text: &str) -> Option<[&str; 3]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

/// Digits only: `parse` would also accept a sign.
pub fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect()
}
