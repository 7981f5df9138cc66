//! Hashes made with scrypt (RFC 7914).

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use base64::prelude::{BASE64_STANDARD, Engine};
use scrypt::{Params, scrypt};

use crate::domain::passwords::stored_hash::formats::{BASE64, number, parts, unhex};
use crate::domain::passwords::stored_hash::{MAX_SCRYPT_BYTES, MAX_SCRYPT_BYTES_PASSES};

const DIGEST_BYTES: usize = 64;
/// Of AES-256.
const KEY_BYTES: usize = 32;

pub struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    digest: Vec<u8>,
    /// Firebase: the key of the project, which is encrypted with the output of scrypt.
    signer_key: Option<Vec<u8>>,
}

impl Scrypt {
    pub fn is_affordable(&self) -> bool {
        let blocks = (1_u64 << self.params.log_n()).saturating_mul(self.params.r().into());
        let bytes = blocks.saturating_mul(128);
        bytes <= MAX_SCRYPT_BYTES && bytes.saturating_mul(self.params.p().into()) <= MAX_SCRYPT_BYTES_PASSES
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let Some(signer_key) = &self.signer_key else {
            let mut output = vec![0; self.digest.len()];
            return scrypt(password, &self.salt, &self.params, &mut output).is_ok()
                && self.is_digest(&output);
        };
        let mut key = [0; KEY_BYTES];
        scrypt(password, &self.salt, &self.params, &mut key).is_ok()
            && encrypt(&key, signer_key).is_some_and(|encrypted| self.is_digest(&encrypted))
    }

    fn is_digest(&self, computed: &[u8]) -> bool {
        verify_slices_are_equal(computed, &self.digest).is_ok()
    }
}

/// `scrypt:N:R:P$SALT$DIGEST`: the salt as text, the digest in hex.
pub fn werkzeug(method: &str, text: &str) -> Option<Scrypt> {
    let [n, r, p] = method.split(':').collect::<Vec<_>>().try_into().ok()?;
    let (salt, digest) = text.split_once('$')?;
    new(params(n, r, p)?, salt.into(), unhex(digest)?, &[DIGEST_BYTES])
}

/// `scrypt$N$SALT$R$P$DIGEST`: the salt as text, the digest in base64.
pub fn django(text: &str) -> Option<Scrypt> {
    let [n, salt, r, p, digest] = text.split('$').collect::<Vec<_>>().try_into().ok()?;
    new(params(n, r, p)?, salt.into(), BASE64_STANDARD.decode(digest).ok()?, &[DIGEST_BYTES])
}

/// `SALT:DIGEST` in hex, of better-auth and Lucia. The costs are fixed, and the salt is its text, not its bytes.
pub fn better_auth(text: &str) -> Option<Scrypt> {
    let (salt, digest) = text.split_once(':')?;
    unhex(salt).filter(|salt| salt.len() == 16)?;
    new(params("16384", "16", "1")?, salt.into(), unhex(digest)?, &[DIGEST_BYTES])
}

/// `$scrypt$ln=LOG_N,r=R,p=P$SALT$DIGEST` of passlib.
pub fn phc(text: &str) -> Option<Scrypt> {
    let [costs, salt, digest] = parts(text)?;
    let [log_n, r, p] = members(costs, ["ln", "r", "p"])?;
    let (salt, digest) = (BASE64.decode(salt).ok()?, BASE64.decode(digest).ok()?);
    new(log_params(log_n, r, p)?, salt, digest, &[32, DIGEST_BYTES])
}

/// `$fbscrypt$v=1,n=LOG_N,r=R,p=P,ss=SEPARATOR,sk=SIGNER_KEY$SALT$DIGEST`, in which Supabase stores hashes of Firebase.
pub fn firebase(text: &str) -> Option<Scrypt> {
    let [settings, salt, digest] = parts(text)?;
    let [version, log_n, r, p, separator, signer_key] = members(settings, ["v", "n", "r", "p", "ss", "sk"])?;
    let decode = |text: &str| BASE64.decode(text).ok();
    let (mut salt, signer_key) = (decode(salt)?, decode(signer_key)?);
    salt.extend(decode(separator)?);
    if version != "1" || signer_key.len() != DIGEST_BYTES {
        return None;
    }
    let scrypt = new(log_params(log_n, r, p)?, salt, decode(digest)?, &[DIGEST_BYTES])?;
    Some(Scrypt { signer_key: Some(signer_key), ..scrypt })
}

/// The values of `a=1,b=2`, whose names must be these.
fn members<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[&'a str; N]> {
    let mut values =
        text.split(',').zip(names).map(|(member, name)| member.strip_prefix(name)?.strip_prefix('='));
    let found = std::array::from_fn(|_| values.next().flatten());
    let is_complete = text.split(',').count() == N && found.iter().all(Option::is_some);
    is_complete.then(|| found.map(Option::unwrap_or_default))
}

/// A digest of another length is damaged: the shorter it is, the more passwords match.
fn new(params: Params, salt: Vec<u8>, digest: Vec<u8>, lengths: &[usize]) -> Option<Scrypt> {
    (lengths.contains(&digest.len()) && !salt.is_empty()).then_some(Scrypt {
        params,
        salt,
        digest,
        signer_key: None,
    })
}

fn params(n: &str, r: &str, p: &str) -> Option<Params> {
    let n = number(n).filter(|n| n.is_power_of_two())?;
    log_params(&n.trailing_zeros().to_string(), r, p)
}

fn log_params(log_n: &str, r: &str, p: &str) -> Option<Params> {
    let log_n = number(log_n).filter(|log_n| (1..=30).contains(log_n))?;
    Params::new(u8::try_from(log_n).ok()?, number(r)?, number(p)?).ok()
}

/// AES-256 in counter mode. Firebase starts at zero: the key differs for each password and salt.
fn encrypt(key: &[u8; KEY_BYTES], text: &[u8]) -> Option<Vec<u8>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut encrypted = text.to_vec();
    key.less_safe_encrypt(&mut encrypted, EncryptionContext::Iv128(FixedLength::from([0; 16]))).ok()?;
    Some(encrypted)
}
