//! Stored password hashes: those of this server, and the formats that users may be imported with.

mod formats;
mod scrypt;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hmac, pbkdf2};
use base64::prelude::{BASE64_STANDARD, Engine};
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::passwords::hashing_memory::HashingMemory;
use crate::domain::passwords::stored_hash::formats::Sha;
use crate::domain::passwords::stored_hash::scrypt::Scrypt;

/// A prefix that the import adds: Flask-Security hashes an HMAC of the password, and its hashes do not show that.
pub const FLASK_SECURITY: &str = "flask-security$";

/// More than any supported format needs.
const MAX_BYTES: usize = 512;
/// The highest costs that an import accepts, about a second and 256 MiB: anyone who knows the e-mail address can cause them
/// with each login attempt.
const MAX_BCRYPT_COST: u32 = 14;
const MAX_PBKDF2_ROUNDS: u64 = 5_000_000;
const MAX_ARGON2_KIB: u32 = 256 * 1024;
const MAX_ARGON2_KIB_PASSES: u64 = 1024 * 1024;
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
const MAX_SCRYPT_BYTES_PASSES: u64 = 512 << 20;
/// bcrypt ignores the rest of the password.
const BCRYPT_BYTES: usize = 72;

/// A parsed password hash.
pub struct StoredHash {
    /// argon2 in PHC format, without a prefix.
    is_phc: bool,
    preparation: Preparation,
    method: Method,
}

/// What happens to the password before it is hashed.
#[derive(Clone, Copy)]
enum Preparation {
    None,
    /// Django's `bcrypt_sha256`: SHA-256 in hex.
    Sha256,
    /// better-auth and Lucia: normalised to NFKC.
    Nfkc,
    /// Flask-Security: HMAC-SHA512 with a secret of that application, in base64.
    FlaskSecurity,
}

enum Method {
    Argon2(Box<Phc>),
    Bcrypt { cost: u32, salt: [u8; 16], digest: [u8; 23] },
    Scrypt(Scrypt),
    Pbkdf2 { sha: Sha, rounds: NonZeroU32, salt: Vec<u8>, digest: Vec<u8> },
}

impl StoredHash {
    /// `None` if the format is unknown or the hash is damaged.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let Some((format, rest)) = text.split_once('$') else {
            let method = Method::Scrypt(scrypt::better_auth(text)?);
            return Some(Self { is_phc: false, preparation: Preparation::Nfkc, method });
        };
        let (preparation, method) = match format {
            "" => (Preparation::None, formats::crypt(text)?),
            "flask-security" => (Preparation::FlaskSecurity, formats::crypt(rest)?),
            "argon2" => (Preparation::None, formats::argon2(&format!("${rest}"))?),
            "bcrypt" => (Preparation::None, formats::bcrypt(rest)?),
            "bcrypt_sha256" => (Preparation::Sha256, formats::bcrypt(rest)?),
            "pbkdf2_sha256" => (Preparation::None, formats::django(Sha::Sha256, rest)?),
            "pbkdf2_sha1" => (Preparation::None, formats::django(Sha::Sha1, rest)?),
            "scrypt" => (Preparation::None, Method::Scrypt(scrypt::django(rest)?)),
            _ => match format.split_once(':')? {
                ("pbkdf2", method) => (Preparation::None, formats::werkzeug(method, rest)?),
                ("scrypt", method) => (Preparation::None, Method::Scrypt(scrypt::werkzeug(method, rest)?)),
                _ => return None,
            },
        };
        Some(Self { is_phc: text.starts_with("$argon2"), preparation, method })
    }

    /// Whether it may be imported: expensive hashes could be used to keep the server busy.
    pub fn is_affordable(&self) -> bool {
        match &self.method {
            Method::Argon2(phc) => Params::try_from(&**phc).is_ok_and(|params| {
                params.m_cost() <= MAX_ARGON2_KIB
                    && u64::from(params.m_cost()) * u64::from(params.t_cost()) <= MAX_ARGON2_KIB_PASSES
            }),
            Method::Bcrypt { cost, .. } => *cost <= MAX_BCRYPT_COST,
            Method::Scrypt(scrypt) => scrypt.is_affordable(),
            // Each block of the output takes all rounds.
            Method::Pbkdf2 { sha, rounds, digest, .. } => {
                u64::from(rounds.get()) * digest.len().div_ceil(sha.bytes()) as u64 <= MAX_PBKDF2_ROUNDS
            }
        }
    }

    /// Whether this server would make the same kind of hash with these settings.
    pub fn is_current(&self, settings: &Params) -> bool {
        let (true, Method::Argon2(phc)) = (self.is_phc, &self.method) else { return false };
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        phc.algorithm == Algorithm::Argon2id.ident()
            && phc.version == Some(Version::V0x13.into())
            && Params::try_from(&**phc).is_ok_and(|params| costs(&params) == costs(settings))
    }

    /// Whether the password is correct. `flask_salt` is `FLASK_SECURITY_PASSWORD_SALT`.
    pub fn verify(
        &self,
        password: &SecretString,
        flask_salt: Option<&SecretString>,
        memory: &mut HashingMemory,
    ) -> bool {
        let typed = password.expose_secret();
        match self.preparation {
            Preparation::None => self.method.verify(typed.as_bytes(), memory),
            Preparation::Sha256 => {
                let prepared = SecretString::from(hex(digest(&SHA256, typed.as_bytes()).as_ref()));
                self.method.verify(prepared.expose_secret().as_bytes(), memory)
            }
            Preparation::Nfkc => {
                let prepared =
                    SecretString::from(ComposingNormalizer::new_nfkc().normalize(typed).into_owned());
                self.method.verify(prepared.expose_secret().as_bytes(), memory)
            }
            Preparation::FlaskSecurity => {
                let Some(salt) = flask_salt else {
                    log::error!("cannot check an imported password: FLASK_SECURITY_PASSWORD_SALT is not set");
                    return false;
                };
                let mut verify = |text: &str| {
                    let prepared = flask_security(salt, text);
                    self.method.verify(prepared.expose_secret().as_bytes(), memory)
                };
                // Flask-Security normalises passwords since version 4, unless configured otherwise.
                let normalized =
                    SecretString::from(DecomposingNormalizer::new_nfkd().normalize(typed).into_owned());
                verify(normalized.expose_secret()) || (normalized.expose_secret() != typed && verify(typed))
            }
        }
    }
}

impl Method {
    fn verify(&self, password: &[u8], memory: &mut HashingMemory) -> bool {
        match self {
            Self::Argon2(phc) => memory.verify(password, phc).unwrap_or(false),
            Self::Bcrypt { cost, salt, digest } => {
                let mut key = [password, &[0]].concat();
                key.truncate(BCRYPT_BYTES);
                let computed = bcrypt::bcrypt(*cost, *salt, &key);
                verify_slices_are_equal(&computed[..digest.len()], digest).is_ok()
            }
            Self::Scrypt(scrypt) => scrypt.verify(password),
            Self::Pbkdf2 { sha, rounds, salt, digest } => {
                pbkdf2::verify(sha.pbkdf2(), *rounds, salt, password, digest).is_ok()
            }
        }
    }
}

fn flask_security(salt: &SecretString, password: &str) -> SecretString {
    let key = hmac::Key::new(hmac::HMAC_SHA512, salt.expose_secret().as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, password.as_bytes())).into()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from_digit(digit.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
