use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

/// 256 bits: as long as the keys that are derived from them.
const SECRET_BYTES: usize = 32;

/// The files that outlive a run: the database, the secrets for its signing keys and refresh tokens, the shared secret of
/// the revocation feed, and the mails.
pub struct DataFolder {
    pub database: PathBuf,
    pub refresh_secret: PathBuf,
    pub key_encryption_secret: PathBuf,
    pub feed_token: PathBuf,
    /// Mails as files.
    pub mail: PathBuf,
}

impl DataFolder {
    /// Creates what is missing, readable only by the owner: the folder, an empty database, and one file per secret.
    ///
    /// # Errors
    /// One line that names the folder and the cause.
    pub fn open(path: &Path) -> Result<Self, String> {
        let folder = Self {
            database: path.join("latchkey.db"),
            refresh_secret: path.join("secrets/jwt_refresh_secret"),
            key_encryption_secret: path.join("secrets/key_encryption_secret"),
            feed_token: path.join("secrets/revocation_feed_token"),
            mail: path.join("mail"),
        };
        folder.create_missing(path).map_err(|error| {
            format!(
                "cannot use {} as the data folder: {}; make it writable, or give another folder with --data-dir",
                path.display(),
                // Without the error number of the system.
                error.kind()
            )
        })?;
        Ok(folder)
    }

    fn create_missing(&self, path: &Path) -> io::Result<()> {
        // Creating a folder in place of a file fails with "already exists", which does not explain the problem.
        if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
            return Err(ErrorKind::NotADirectory.into());
        }
        let secrets = path.join("secrets");
        DirBuilder::new().recursive(true).mode(0o700).create(&secrets)?;
        for file in [&self.refresh_secret, &self.key_encryption_secret, &self.feed_token] {
            if !file.try_exists()? {
                write(&secrets, file, &BASE64_STANDARD.encode(random::<SECRET_BYTES>()?))?;
            }
        }
        // SQLite would create it readable for all users. This also fails early if the folder is not writable.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.database).map(drop)
    }
}

/// Writes a file that only the owner can read: a draft that is renamed, so that a crash leaves no incomplete file. A
/// leftover draft is harmless.
pub fn write(folder: &Path, file: &Path, content: &str) -> io::Result<()> {
    let draft_path = folder.join(format!(".draft-{}", BASE64_URL_SAFE_NO_PAD.encode(random::<16>()?)));
    let mut draft = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft_path)?;
    draft.write_all(content.as_bytes())?;
    draft.sync_all()?;
    fs::rename(&draft_path, file)?;
    // After a power failure, the database must not contain signing keys that were encrypted with a lost secret.
    File::open(folder)?.sync_all()
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the random generator of the system failed"))?;
    Ok(bytes)
}
