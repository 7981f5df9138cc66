use argon2::password_hash::Error;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// glibc allocates more than this by a mapping of its own, and returns it to the system when it is freed (`mallopt(3)`). It
/// would keep smaller blocks. Pages that are never written take no memory.
const MIN_CAPACITY: usize = (32 << 20) / Block::SIZE + 1;

/// The memory that argon2 fills, 19 MiB by default. The hashing threads reuse it.
///
/// If every hash allocated it, smaller allocations would fragment the freed blocks: with a hundred concurrent logins the
/// server grew by the memory of ten hashes while two were running.
#[derive(Default)]
pub struct HashingMemory(Vec<Block>);

impl HashingMemory {
    /// A value that looks like the hash of a password, without computing one. Its output is random, so that no password
    /// matches.
    pub fn random_hash(argon2: &Argon2<'_>) -> Result<PasswordHash, Error> {
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        aws_lc_rs::rand::fill(&mut output).map_err(|_| Error::RngFailure)?;
        phc(argon2, Salt::generate(), Output::new(&output)?)
    }

    /// Hashes a password with a new salt.
    pub fn hash(&mut self, argon2: &Argon2<'_>, password: &[u8]) -> Result<PasswordHash, Error> {
        let salt = Salt::generate();
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = self.output(argon2, password, &salt, length)?;
        phc(argon2, salt, output)
    }

    /// A hash of 32 bytes with this salt of at least 8 bytes.
    pub fn raw_hash(&mut self, argon2: &Argon2<'_>, secret: &[u8], salt: &[u8]) -> [u8; 32] {
        let output = self.output(argon2, secret, salt, 32).expect("a long salt");
        output.as_bytes().try_into().expect("32 bytes")
    }

    /// Whether the hash is of this password. Algorithm, version and costs are those of the hash.
    pub fn verify(&mut self, password: &[u8], stored: &PasswordHash) -> Result<bool, Error> {
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Ok(false) };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
        // Version 16 was the first, and its hashes do not name it.
        let version = stored.version.map_or(Ok(Version::V0x10), Version::try_from)?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(stored)?);
        // `Output` compares in constant time.
        Ok(self.output(&argon2, password, salt, expected.len())? == *expected)
    }

    fn output(
        &mut self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        length: usize,
    ) -> Result<Output, Error> {
        let blocks = argon2.params().block_count();
        if self.0.len() != blocks {
            // Freed first, so that old and new memory never exist at the same time.
            self.0 = Vec::new();
            self.0 = Vec::with_capacity(blocks.max(MIN_CAPACITY));
            self.0.resize(blocks, Block::default());
        }
        let mut buffer = [0; Output::MAX_LENGTH];
        let output = buffer.get_mut(..length).ok_or(Error::OutputSize)?;
        argon2.hash_password_into_with_memory(password, salt, output, &mut self.0)?;
        Ok(Output::new(output)?)
    }
}

fn phc(argon2: &Argon2<'_>, salt: Salt, output: Output) -> Result<PasswordHash, Error> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(salt),
        hash: Some(output),
    })
}
