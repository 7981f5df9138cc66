use argon2::password_hash::Error;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// What argon2 fills, 19 MiB by default: one for each thread, used again and again.
///
/// Left to the allocator, every hash would leave a hole in which smaller things settle, so that the next finds no
/// room there: with some hundred people at the door the server grew by the size of ten hashes where two ran.
#[derive(Default)]
pub struct HashingMemory(Vec<Block>);

impl HashingMemory {
    /// Hashes a password with a salt of its own.
    pub fn hash(&mut self, argon2: &Argon2<'_>, password: &[u8]) -> Result<PasswordHash, Error> {
        let salt = Salt::generate();
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = self.output(argon2, password, &salt, length)?;
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon2.params())?,
            salt: Some(salt),
            hash: Some(output),
        })
    }

    /// Whether the hash was made of this password, with whichever settings it says.
    pub fn fits(&mut self, password: &[u8], stored: &PasswordHash) -> Result<bool, Error> {
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Ok(false) };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
        // Before there was a second version nobody wrote it down.
        let version = stored.version.map_or(Ok(Version::V0x10), Version::try_from)?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(stored)?);
        // Outputs compare in constant time.
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
            // The old ones go first, or both would be there at once.
            self.0 = Vec::new();
            self.0.resize(blocks, Block::default());
        }
        let mut buffer = [0; Output::MAX_LENGTH];
        let output = buffer.get_mut(..length).ok_or(Error::OutputSize)?;
        argon2.hash_password_into_with_memory(password, salt, output, &mut self.0)?;
        Ok(Output::new(output)?)
    }
}
