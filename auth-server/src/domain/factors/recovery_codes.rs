//! Recovery codes, for users who have lost their other factors.

use secrecy::{ExposeSecret, SecretString};

use super::AnswerError;
use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::{PasswordHasher, QueueFull};
use crate::model::{EventType, UserId};
use crate::store::{StoreError, recovery_codes};

const CODES: usize = 10;
/// 80 bits: NIST SP 800-63B §4.2.1.1 wants at least 64.
const CHARACTERS: usize = 16;
/// Crockford's: without letters that look like a digit.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SALT_BYTES: usize = 16;

/// New codes that are not in the database yet.
#[derive(Clone)]
pub struct RecoveryCodes {
    codes: Vec<SecretString>,
    hashes: Vec<[u8; 32]>,
    salt: Vec<u8>,
}

impl RecoveryCodes {
    pub async fn generate(passwords: &PasswordHasher) -> Result<Self, QueueFull> {
        let codes: Vec<SecretString> = (0..CODES).map(|_| random_code()).collect();
        let mut salt = vec![0; SALT_BYTES];
        aws_lc_rs::rand::fill(&mut salt).expect("a working random number generator");
        let hashes = passwords.hash_recovery_codes(codes.clone(), salt.clone()).await?;
        Ok(Self { codes, hashes, salt })
    }

    /// For a user who has never had any.
    pub async fn first(context: &Context, user: UserId) -> Result<Option<Self>, AnswerError> {
        let salt = context.database.run(move |connection| recovery_codes::salt(connection, user)).await?;
        match salt {
            Some(_) => Ok(None),
            None => Ok(Some(Self::generate(&context.hasher).await?)),
        }
    }

    /// Replaces the user's codes. The transaction must have locked the user's row.
    pub fn store(&self, tx: &mut Transaction<'_>, user: UserId) -> Result<(), StoreError> {
        tx.audit.record(tx.audit.event(EventType::RecoveryCodesMade).of_user(user));
        recovery_codes::replace(tx.connection, user, &self.salt, &self.hashes)
    }

    /// In four groups, for people.
    pub fn into_texts(self) -> Vec<String> {
        self.codes.iter().map(|code| grouped(code.expose_secret())).collect()
    }
}

/// The code as it was hashed: without spaces and hyphens, in upper case, with digits for letters that look like one. `None`: it
/// cannot be a code.
pub fn normalize(typed: &SecretString) -> Option<SecretString> {
    let is_separator = |c: &char| c.is_whitespace() || *c == '-';
    let code: String = typed
        .expose_secret()
        .chars()
        .filter(|c| !is_separator(c))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let is_code = code.len() == CHARACTERS && code.bytes().all(|byte| BASE32.contains(&byte));
    is_code.then(|| code.into())
}

fn random_code() -> SecretString {
    let mut bytes = [0_u8; CHARACTERS];
    aws_lc_rs::rand::fill(&mut bytes).expect("a working random number generator");
    // 256 is a multiple of 32: every character is as likely.
    let code: String = bytes.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect();
    code.into()
}

fn grouped(code: &str) -> String {
    let (first, second) = code.split_at(CHARACTERS / 2);
    let group = |half: &str| format!("{}-{}", &half[..4], &half[4..]);
    format!("{}-{}", group(first), group(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_is_read_in_any_form() {
        let code = random_code();
        for typed in [
            code.expose_secret().to_owned(),
            grouped(code.expose_secret()),
            grouped(code.expose_secret()).to_lowercase().replace('-', " "),
            code.expose_secret().replace('0', "o").replace('1', "l"),
        ] {
            let read = normalize(&typed.into()).expect("a code");
            assert_eq!(read.expose_secret(), code.expose_secret());
        }
        for wrong in ["", "0123456789ABCDE", "0123456789ABCDEFG", "0123456789ABCDEU", "0123456789ABCDEé"] {
            assert!(normalize(&wrong.into()).is_none(), "{wrong}");
        }
    }
}
