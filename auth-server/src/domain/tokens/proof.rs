//! Tokens and codes of mailed links. Neither is stored: both are HMACs of the proof's row, with a key derived from
//! `KEY_ENCRYPTION_SECRET`. Neither a stolen database nor a stolen secret alone makes a link, and a mail that is sent again
//! has the same link and code.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::{ExposeSecret, SecretString};

use crate::model::{Proof, ProofId, derive_secret, sha256};

const ID_BYTES: usize = 16;
/// 128 bits cannot be guessed.
const TAG_BYTES: usize = 16;
/// Codes are below this: they have 8 digits.
const CODES: u64 = 100_000_000;

/// Makes and verifies tokens and codes. Without a secret there are none.
pub struct ProofTokens {
    /// The current one and, while secrets are changed, the previous one.
    keys: Vec<ProofKey>,
}

struct ProofKey {
    id: String,
    key: hmac::Key,
}

/// The token of a link. Not verified yet.
#[derive(Clone)]
pub struct ProofToken {
    pub id: ProofId,
    tag: [u8; TAG_BYTES],
}

impl ProofToken {
    pub fn parse(token: &SecretString) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.expose_secret()).ok()?;
        let (id, tag) = bytes.split_at_checked(ID_BYTES)?;
        Some(Self { id: ProofId::from_bytes(id.try_into().ok()?), tag: tag.try_into().ok()? })
    }
}

impl ProofTokens {
    /// Makes new links with `current`, accepts those of both.
    pub fn new(current: Option<&SecretString>, previous: Option<&SecretString>) -> Self {
        Self { keys: current.into_iter().chain(previous).map(ProofKey::derive).collect() }
    }

    /// The key of new proofs.
    pub fn key_id(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The token of the proof's link. `None` if neither secret is that of the proof.
    pub fn token(&self, proof: &Proof) -> Option<SecretString> {
        let tag = self.tag(proof)?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([proof.id.as_bytes().as_slice(), &tag].concat()).into())
    }

    /// The proof's code: 8 digits.
    pub fn code(&self, proof: &Proof) -> Option<SecretString> {
        let mac = self.mac(b"code", proof)?;
        let number = u64::from_be_bytes(mac.as_ref()[..8].try_into().ok()?);
        Some(format!("{:08}", number % CODES).into())
    }

    pub fn is_token_of(&self, token: &ProofToken, proof: &Proof) -> bool {
        let expected = self.tag(proof).filter(|_| token.id == proof.id);
        expected.is_some_and(|expected| verify_slices_are_equal(&expected, &token.tag).is_ok())
    }

    pub fn is_code_of(&self, code: &SecretString, proof: &Proof) -> bool {
        let (code, expected) = (code.expose_secret().as_bytes(), self.code(proof));
        expected.is_some_and(|it| verify_slices_are_equal(it.expose_secret().as_bytes(), code).is_ok())
    }

    fn tag(&self, proof: &Proof) -> Option<[u8; TAG_BYTES]> {
        self.mac(b"link", proof)?.as_ref()[..TAG_BYTES].try_into().ok()
    }

    /// Each part is preceded by its length, so that no two lists of parts have the same MAC.
    fn mac(&self, use_: &[u8], proof: &Proof) -> Option<hmac::Tag> {
        let key = &self.keys.iter().find(|key| key.id == proof.key_id)?.key;
        let mut mac = hmac::Context::with_key(key);
        let (purpose, email) = (proof.purpose.as_str().as_bytes(), proof.email.as_str().as_bytes());
        for part in [use_, purpose, proof.id.as_bytes(), email] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac.sign())
    }
}

impl ProofKey {
    /// The id names the key in the database and reveals nothing about it.
    fn derive(secret: &SecretString) -> Self {
        let key = derive_secret(secret, b"latchkey mail proofs");
        let id = derive_secret(secret, b"latchkey mail proofs: id");
        Self {
            id: BASE64_URL_SAFE_NO_PAD.encode(&sha256(&id)[..8]),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use secrecy::{ExposeSecret, SecretString};

    use crate::domain::tokens::{ProofToken, ProofTokens};
    use crate::model::{Email, Proof, ProofId, Purpose};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn tokens(secret: &str) -> ProofTokens {
        ProofTokens::new(Some(&secret.into()), None)
    }

    fn proof(purpose: Purpose, email: &str, id: [u8; 16], key_id: &str) -> Proof {
        let email = Email::from_stored(email.to_owned());
        Proof { id: ProofId::from_bytes(id), ..Proof::new(purpose, email, key_id, DateTime::UNIX_EPOCH) }
    }

    fn accepts(tokens: &ProofTokens, token: &SecretString, proof: &Proof) -> bool {
        ProofToken::parse(token).is_some_and(|token| tokens.is_token_of(&token, proof))
    }

    /// Computed with another implementation of HKDF and HMAC.
    #[test]
    fn links_and_codes_equal_the_test_vectors() {
        let tokens = tokens(SECRET);
        assert_eq!(tokens.key_id(), "IFMXiRPjAlk");
        let id = std::array::from_fn(|number| u8::try_from(number).unwrap());
        for (purpose, email, token, code) in [
            (Purpose::Reset, "ann@example.org", "AAECAwQFBgcICQoLDA0OD5nUE4XBhpnSlbW6R0fkamE", "89982015"),
            (Purpose::Invite, "ann@example.org", "AAECAwQFBgcICQoLDA0OD6rREnyXvnE_zZNNXjd_q78", "39322524"),
            (Purpose::Reset, "bob@example.org", "AAECAwQFBgcICQoLDA0ODx9TCpckU_U62oxh3GsctAQ", "88488761"),
        ] {
            let proof = proof(purpose, email, id, "IFMXiRPjAlk");
            assert_eq!(tokens.token(&proof).unwrap().expose_secret(), token);
            assert_eq!(tokens.code(&proof).unwrap().expose_secret(), code);
            assert!(accepts(&tokens, &token.into(), &proof));
            assert!(tokens.is_code_of(&code.into(), &proof));
        }
    }

    #[test]
    fn the_previous_secret_is_accepted_and_any_other_is_not() {
        let (old, new) = (SECRET, "another secret of at least 32 bytes");
        let proof = proof(Purpose::Reset, "ann@example.org", [7; 16], tokens(old).key_id());
        let token = tokens(old).token(&proof).unwrap();
        let both = ProofTokens::new(Some(&new.into()), Some(&old.into()));
        assert!(accepts(&both, &token, &proof));
        assert!(both.is_code_of(&tokens(old).code(&proof).unwrap(), &proof));
        assert!(!accepts(&tokens(new), &token, &proof));
        assert!(tokens(new).token(&proof).is_none() && tokens(new).code(&proof).is_none());
        // A row that claims the other key.
        let claimed = Proof { key_id: both.key_id().to_owned(), ..proof };
        assert!(!accepts(&both, &token, &claimed));
    }

    proptest! {
        /// The token of one row is invalid for a row that differs in purpose, id or address.
        #[test]
        fn a_token_opens_its_own_row_only(
            first in 0..5_usize, second in 0..5_usize, id in any::<[u8; 16]>(), other in any::<[u8; 16]>(),
            email in "[a-c]{1,3}@[a-c]{1,3}", other_email in "[a-c]{1,3}@[a-c]{1,3}",
        ) {
            let tokens = tokens(SECRET);
            let rows = [
                proof(Purpose::ALL[first], &email, id, tokens.key_id()),
                proof(Purpose::ALL[second], &email, id, tokens.key_id()),
                proof(Purpose::ALL[first], &other_email, id, tokens.key_id()),
                proof(Purpose::ALL[first], &email, other, tokens.key_id()),
            ];
            let token = tokens.token(&rows[0]).unwrap();
            for row in &rows {
                let is_same = row.id == rows[0].id && row.purpose == rows[0].purpose && row.email == rows[0].email;
                prop_assert_eq!(accepts(&tokens, &token, row), is_same);
            }
            prop_assert_eq!(tokens.code(&rows[0]).unwrap().expose_secret().len(), 8);
        }

        /// Any other text is invalid, even if it differs only in a bit that base64 ignores.
        #[test]
        fn a_changed_token_is_rejected(position in 0..43_usize, letter in "[A-Za-z0-9_-]", text in ".{0,64}") {
            let tokens = tokens(SECRET);
            let proof = proof(Purpose::Reset, "ann@example.org", [7; 16], tokens.key_id());
            let token = tokens.token(&proof).unwrap();
            let mut changed = token.expose_secret().to_owned();
            changed.replace_range(position..=position, &letter);
            prop_assert_eq!(accepts(&tokens, &changed.as_str().into(), &proof), changed == token.expose_secret());
            prop_assert!(!accepts(&tokens, &text.as_str().into(), &proof));
            prop_assert!(!tokens.is_code_of(&text.as_str().into(), &proof));
        }
    }
}
