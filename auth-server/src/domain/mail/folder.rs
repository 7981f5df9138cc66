use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::domain::mail::{DeliveryError, Message};

/// A folder that receives each mail as an `.eml` file, for development.
pub struct Folder(PathBuf);

/// Parts of the header of a file, as they are there.
#[derive(Debug)]
pub struct FiledMail {
    pub name: String,
    pub to: String,
    pub subject: String,
    pub date: String,
}

impl Folder {
    pub fn open(path: &Path) -> io::Result<Self> {
        // Only the owner: the mails contain valid links.
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self(path.to_owned()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The newest mails, the last one first.
    pub async fn list(&self, limit: usize) -> io::Result<Vec<FiledMail>> {
        let folder = self.0.clone();
        spawn_blocking(move || list(&folder, limit)).await.map_err(io::Error::other)?
    }

    /// The content of a file; `None` if there is no mail with this name.
    pub async fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        if !is_mail(name) {
            return Ok(None);
        }
        let path = self.0.join(name);
        match spawn_blocking(move || fs::read(path)).await.map_err(io::Error::other)? {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the name of the file. The same mail always has the same file.
    pub async fn write(&self, message: &Message) -> Result<String, DeliveryError> {
        let (folder, name, bytes) = (self.0.clone(), message.file_name.clone(), message.bytes.clone());
        let written = spawn_blocking(move || write(&folder, &name, &bytes).map(|()| name)).await;
        let failed = |error: io::Error| DeliveryError::Server(format!("cannot write to MAIL_DIR: {error}"));
        written.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)
    }
}

/// Renames a complete draft, so that no reader sees half a mail.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!(".{name}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(draft, folder.join(name))
}

fn list(folder: &Path, limit: usize) -> io::Result<Vec<FiledMail>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| is_mail(name)));
    }
    // Names begin with the time.
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.truncate(limit);
    names.into_iter().map(|name| filed(folder, name)).collect()
}

fn filed(folder: &Path, name: String) -> io::Result<FiledMail> {
    let source = String::from_utf8_lossy(&fs::read(folder.join(&name))?).replace("\r\n", "\n");
    let header = source.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
    let value = |name: &str| {
        let mut lines = header.lines();
        lines.find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    Ok(FiledMail { name, to: value("To: "), subject: value("Subject: "), date: value("Date: ") })
}

/// Whether it is the name of a mail, and no path to another file.
fn is_mail(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.strip_suffix(".eml").is_some_and(|start| !start.is_empty() && start.chars().all(is_part))
}
