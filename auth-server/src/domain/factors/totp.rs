//! Time-based one-time passwords (RFC 6238), as authenticator apps compute them.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use crate::domain::keys::KeyEncryption;
use crate::model::{Encrypted, UserId};
use crate::store::totp_factors::TotpFactor;

/// 160 bits, as RFC 4226 §4 recommends.
const SECRET_BYTES: usize = 20;
/// Steps before and after the current one whose codes are accepted: clocks differ, and typing takes time.
const WINDOW: i64 = 1;
const DEFAULT_NAME: &str = "Authenticator app";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an app and the server share.
#[derive(Clone)]
pub struct Totp {
    secret: Vec<u8>,
    pub algorithm: &'static str,
    pub digits: u32,
    /// Seconds.
    pub period: u32,
}

/// Why a secret of another system is rejected. Never contains the secret.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTotp(&'static str);

impl Totp {
    /// A new secret, with the parameters that every app supports.
    pub fn random() -> Self {
        let mut secret = vec![0; SECRET_BYTES];
        aws_lc_rs::rand::fill(&mut secret).expect("a working random number generator");
        Self { secret, algorithm: "SHA1", digits: 6, period: 30 }
    }

    /// A secret in base32, or an `otpauth://totp/` URI, of another system.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidTotp> {
        let text = text.expose_secret();
        let mut totp = Self { secret: Vec::new(), algorithm: "SHA1", digits: 6, period: 30 };
        if !text.starts_with("otpauth:") {
            totp.secret = from_base32(text)?;
            return Ok(totp);
        }
        let url = Url::parse(text).map_err(|_| InvalidTotp("is not a URI"))?;
        if url.host_str() != Some("totp") {
            return Err(InvalidTotp("is not of the type totp"));
        }
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "secret" => totp.secret = from_base32(&value)?,
                "algorithm" => {
                    totp.algorithm = algorithm(&value.to_ascii_uppercase())
                        .ok_or(InvalidTotp("has an algorithm other than SHA1, SHA256 and SHA512"))?;
                }
                "digits" => {
                    totp.digits = value
                        .parse()
                        .ok()
                        .filter(|digits| matches!(digits, 6 | 8))
                        .ok_or(InvalidTotp("has neither 6 nor 8 digits"))?;
                }
                "period" => {
                    let period = value.parse().ok().filter(|period| (15..=60).contains(period));
                    totp.period = period.ok_or(InvalidTotp("has a period outside of 15 to 60 seconds"))?;
                }
                _ => {}
            }
        }
        if totp.secret.is_empty() { Err(InvalidTotp("has no secret")) } else { Ok(totp) }
    }

    /// The factor's secret, if this server can decrypt it.
    pub fn of_factor(factor: &TotpFactor, encryption: &KeyEncryption) -> Option<Self> {
        Some(Self {
            secret: encryption.decrypt(&label(&factor.id), &factor.secret, &factor.encryption_key_id).ok()?,
            algorithm: algorithm(&factor.algorithm)?,
            digits: u32::try_from(factor.digits).ok()?,
            period: u32::try_from(factor.period).ok().filter(|period| *period > 0)?,
        })
    }

    /// The row of a new factor, which is not confirmed.
    pub fn into_factor(
        self,
        user: UserId,
        name: Option<String>,
        encryption: &KeyEncryption,
        now: DateTime<Utc>,
    ) -> Option<TotpFactor> {
        let id = Uuid::new_v4().to_string();
        let secret = self.encrypt(&id, encryption)?;
        Some(TotpFactor {
            id,
            user_id: user.to_string(),
            name: name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            secret: secret.bytes,
            encryption_key_id: secret.key_id,
            algorithm: self.algorithm.to_owned(),
            digits: i32::try_from(self.digits).ok()?,
            period: i32::try_from(self.period).ok()?,
            last_step: 0,
            created_at: now.naive_utc(),
            confirmed_at: None,
            last_used_at: None,
        })
    }

    pub fn encrypt(&self, id: &str, encryption: &KeyEncryption) -> Option<Encrypted> {
        encryption.encrypt(&label(id), &self.secret).ok()
    }

    /// The time step whose code this is. Codes of two steps can be equal: the newest counts.
    pub fn matching_step(&self, code: &SecretString, now: DateTime<Utc>) -> Option<i64> {
        let current = now.timestamp().div_euclid(i64::from(self.period));
        (current - WINDOW..=current + WINDOW).rev().find(|step| {
            let expected = self.code(*step);
            aws_lc_rs::constant_time::verify_slices_are_equal(
                expected.as_bytes(),
                code.expose_secret().as_bytes(),
            )
            .is_ok()
        })
    }

    /// The code of a time step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> String {
        let algorithm = match self.algorithm {
            "SHA256" => hmac::HMAC_SHA256,
            "SHA512" => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, &self.secret), &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 15);
        let bytes: [u8; 4] = tag[offset..offset + 4].try_into().expect("a tag has at least 20 bytes");
        let number = u32::from_be_bytes(bytes) & 0x7fff_ffff;
        format!("{:0width$}", number % 10_u32.pow(self.digits), width = self.digits as usize)
    }

    /// For people who type it.
    pub fn secret(&self) -> SecretString {
        to_base32(&self.secret).into()
    }

    /// The URI in the QR code (github.com/google/google-authenticator, Key Uri Format). `issuer` names the service.
    pub fn uri(&self, issuer: &str, account: &str) -> SecretString {
        let encode = |text: &str| {
            let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            // Apps show a plus sign as it is.
            encoded.replace('+', "%20")
        };
        let (issuer, account) = (encode(issuer), encode(account));
        let secret = to_base32(&self.secret);
        let Self { algorithm, digits, period, .. } = self;
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm={algorithm}&digits={digits}\
             &period={period}"
        )
        .into()
    }
}

/// Authenticated with the secret, so that the secrets of two rows cannot be swapped.
fn label(id: &str) -> String {
    format!("totp:{id}")
}

fn algorithm(name: &str) -> Option<&'static str> {
    ["SHA1", "SHA256", "SHA512"].into_iter().find(|known| *known == name)
}

/// RFC 4648 §6, without padding.
fn to_base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(BASE32[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

/// In any case, perhaps with padding, and with spaces or hyphens between groups.
fn from_base32(text: &str) -> Result<Vec<u8>, InvalidTotp> {
    const INVALID: InvalidTotp = InvalidTotp("is not base32");
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for character in text.trim_end_matches('=').chars().filter(|c| !matches!(c, ' ' | '-')) {
        let character = u8::try_from(character.to_ascii_uppercase()).map_err(|_| INVALID)?;
        let value = BASE32.iter().position(|known| *known == character).ok_or(INVALID)?;
        buffer = ((buffer << 5) | u32::try_from(value).unwrap_or(0)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).unwrap_or(0));
        }
    }
    // RFC 4226 §4 requires 128 bits; some systems use 80.
    if (10..=64).contains(&bytes.len()) { Ok(bytes) } else { Err(InvalidTotp("must have 10 to 64 bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totp(secret: &[u8], algorithm: &'static str) -> Totp {
        Totp { secret: secret.to_vec(), algorithm, digits: 8, period: 30 }
    }

    /// RFC 6238, appendix B.
    #[test]
    fn codes_are_those_of_the_standard() {
        let seed: Vec<u8> = (0..64).map(|index| b"1234567890"[index % 10]).collect();
        let apps = [totp(&seed[..20], "SHA1"), totp(&seed[..32], "SHA256"), totp(&seed, "SHA512")];
        for (time, codes) in [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ] {
            for (app, code) in apps.iter().zip(codes) {
                let now = DateTime::from_timestamp(time, 0).unwrap();
                assert_eq!(app.code(time / 30), code);
                assert_eq!(app.matching_step(&code.into(), now), Some(time / 30));
            }
        }
    }

    #[test]
    fn one_step_to_either_side_is_accepted() {
        let app = Totp::random();
        let now = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
        let current = 1_000_000_000 / 30;
        for (offset, accepted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = app.code(current + offset).into();
            assert_eq!(app.matching_step(&code, now).is_some(), accepted, "{offset}");
        }
        for wrong in ["", "12345", "0000000"] {
            assert_eq!(app.matching_step(&wrong.into(), now), None);
        }
    }

    #[test]
    fn secrets_of_other_systems_are_read() {
        let read = |text: &str| Totp::parse(&text.into());
        let plain = read("jbsw y3dp-EHPK3PXP").unwrap();
        assert_eq!(
            (plain.secret.as_slice(), plain.digits, plain.period),
            (&b"Hello!\xde\xad\xbe\xef"[..], 6, 30)
        );
        let uri =
            "otpauth://totp/A:b@c.org?secret=JBSWY3DPEHPK3PXP&algorithm=sha512&digits=8&period=60&issuer=A";
        let full = read(uri).unwrap();
        assert_eq!((full.algorithm, full.digits, full.period), ("SHA512", 8, 60));
        assert_eq!(full.secret, plain.secret);
        assert_eq!(Totp::parse(&full.uri("A", "b@c.org")).unwrap().secret, plain.secret);
        for wrong in [
            "",
            "AAAA",
            "JBSWY3DPEHPK3PX1",
            "otpauth://hotp/A?secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp/A",
            "otpauth://totp/A?secret=JBSWY3DPEHPK3PXP&digits=7",
            "otpauth://totp/A?secret=JBSWY3DPEHPK3PXP&algorithm=MD5",
            "otpauth://totp/A?secret=JBSWY3DPEHPK3PXP&period=90",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        for (bytes, text) in
            [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")]
        {
            assert_eq!(to_base32(bytes.as_bytes()), text);
        }
    }
}
