/// A secret in the database.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
    /// Identifies the secret that encrypted it.
    pub key_id: String,
}
