use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

/// 256 bits: as long as the keys that are derived from them.
const SECRET_BYTES: usize = 32;

/// What outlives a run: the database, and the secrets that its signing keys are sealed with and its sessions signed; and
/// that by which the servers know each other.
pub struct DataFolder {
    pub database: PathBuf,
    pub refresh_secret: PathBuf,
    pub key_encryption_secret: PathBuf,
    pub feed_token: PathBuf,
}

impl DataFolder {
    /// Makes what is missing, for its owner's eyes only: the folder, an empty database, and secrets, each in a file of
    /// its own.
    ///
    /// # Errors
    /// One line that says why it cannot be used, and what to do.
    pub fn open(path: &Path) -> Result<Self, String> {
        let folder = Self {
            database: path.join("latchkey.db"),
            refresh_secret: path.join("secrets/jwt_refresh_secret"),
            key_encryption_secret: path.join("secrets/key_encryption_secret"),
            feed_token: path.join("secrets/revocation_feed_token"),
        };
        folder.make_missing(path).map_err(|error| {
            format!(
                "cannot use {} as the data folder: {}; make it one that you can write to, or give another with --data-dir",
                path.display(),
                // Without the number that the system has for it.
                error.kind()
            )
        })?;
        Ok(folder)
    }

    fn make_missing(&self, path: &Path) -> io::Result<()> {
        // Making a folder in the place of a file fails with "already exists", which explains nothing.
        if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
            return Err(ErrorKind::NotADirectory.into());
        }
        let secrets = path.join("secrets");
        DirBuilder::new().recursive(true).mode(0o700).create(&secrets)?;
        for file in [&self.refresh_secret, &self.key_encryption_secret, &self.feed_token] {
            if !file.try_exists()? {
                make_secret(&secrets, file)?;
            }
        }
        // SQLite would make it readable for everybody; and a folder that is not writable shows here, at every run.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.database).map(drop)
    }
}

/// Written under another name and renamed: a crash in between leaves no secret, rather than half of one. A draft that
/// it leaves is in nobody's way.
fn make_secret(folder: &Path, file: &Path) -> io::Result<()> {
    let draft_path = folder.join(format!(".draft-{}", BASE64_URL_SAFE_NO_PAD.encode(random::<16>()?)));
    let mut draft = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft_path)?;
    draft.write_all(BASE64_STANDARD.encode(random::<SECRET_BYTES>()?).as_bytes())?;
    draft.sync_all()?;
    fs::rename(&draft_path, file)?;
    // The signing keys in the database, sealed with the secret, must not survive a power cut that the secret does not.
    File::open(folder)?.sync_all()
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(bytes)
}
