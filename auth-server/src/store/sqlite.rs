//! The file of an SQLite database.

use std::fmt::Display;
use std::fs::{OpenOptions, create_dir_all};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, ConnectionError, ConnectionResult, SqliteConnection};

/// The path in `sqlite://PATH`. SQLite itself would accept more: it opens `file:` URIs, and databases in memory, which are
/// different ones for each connection.
pub fn parse(path: &str) -> Result<PathBuf, String> {
    let wrong = if path.is_empty() || path.starts_with('?') {
        "has no path: use a URL such as sqlite://data/latchkey.db"
    } else if path.starts_with("file:") {
        "contains a `file:` URI: use a path, such as sqlite://data/latchkey.db"
    } else if path.ends_with(":memory:") || path.contains(":memory:?") {
        "is a database in memory, which no two connections share: use a file, such as sqlite://data/latchkey.db"
    } else if path.contains('?') {
        "has parameters: remove them from the `?` on. A missing file is created without `mode=rwc`"
    } else if path.starts_with("~/") || path.starts_with("localhost/") {
        "starts with `~` or a host name: give the whole path, such as sqlite:///var/lib/latchkey/latchkey.db"
    } else if path.ends_with('/') {
        "is the path of a folder: add a file name, such as sqlite://data/latchkey.db"
    } else {
        return Ok(path.into());
    };
    Err(wrong.to_owned())
}

/// Creates a missing file and its folder. Call this once, before any connection.
///
/// Does not open an existing file: closing any descriptor of it would release all locks that this process holds on it
/// (POSIX), and the next process that closes the database would delete the WAL in use.
pub fn create_missing(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        create_dir_all(folder)?;
    }
    // Other users of the machine must not read password hashes. SQLite gives its side files the same mode.
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    match file.write(true).create_new(true).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The database and the files beside it, which contain changes after a crash and while a process has the database open.
pub fn files(path: &Path) -> [PathBuf; 3] {
    // SQLite resolves symbolic links first.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    ["", "-wal", "-shm"].map(|suffix| {
        let mut file = path.clone().into_os_string();
        file.push(suffix);
        file.into()
    })
}

pub fn connect(path: &Path) -> ConnectionResult<SqliteConnection> {
    if path.is_dir() {
        return Err(ConnectionError::BadConnection("it is a folder: add a file name".to_owned()));
    }
    let mut connection = SqliteConnection::establish(&path.to_string_lossy()).map_err(explained)?;
    // busy_timeout first: switching to WAL requires a lock that another server may hold.
    // FULL: a rotation whose response was sent must survive a power failure. Otherwise the client's token is newer than the row.
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )
        .map_err(explained)?;
    Ok(connection)
}

/// SQLite opens a file that it must not write, and even begins an immediate transaction there. The table is not created.
pub fn check_writable(connection: &mut SqliteConnection) -> ConnectionResult<()> {
    let write = "BEGIN IMMEDIATE; CREATE TABLE latchkey_write_check (id INTEGER); ROLLBACK";
    connection.batch_execute(write).map_err(explained)
}

/// SQLite names neither the file that it cannot open, which may be one beside the database, nor the reason.
fn explained(error: impl Display) -> ConnectionError {
    let text = error.to_string();
    let about_permissions = ["unable to open", "readonly"].iter().any(|words| text.contains(words));
    let hint = if about_permissions {
        ": the server must be able to write to the file and to its folder"
    } else {
        ""
    };
    ConnectionError::BadConnection(text + hint)
}

#[cfg(test)]
mod tests {
    use diesel::dsl::sql;
    use diesel::sql_types::Bool;
    use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, select};
    use tempfile::TempDir;

    use crate::store::sqlite::{check_writable, connect, create_missing};

    #[test]
    fn a_read_only_file_is_detected() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("latchkey.db");
        create_missing(&path).unwrap();
        check_writable(&mut connect(&path).unwrap()).unwrap();
        // As if the file belonged to another user; the administrator can write to any.
        let mut read_only = SqliteConnection::establish(&format!("file:{}?mode=ro", path.display())).unwrap();
        let error = check_writable(&mut read_only).unwrap_err().to_string();
        assert!(error.contains("must be able to write to the file and to its folder"), "{error}");
    }

    #[test]
    fn plans_do_not_depend_on_the_values_of_parameters() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("latchkey.db");
        create_missing(&path).unwrap();
        let option = |name: &str| sql::<Bool>(&format!("sqlite_compileoption_used('{name}')"));
        let options = select((option("ENABLE_QPSG"), option("ENABLE_STAT4")));
        assert_eq!(options.get_result(&mut connect(&path).unwrap()), Ok((true, false)));
    }

    #[test]
    fn a_folder_is_rejected() {
        let folder = TempDir::new().unwrap();
        create_missing(folder.path()).unwrap();
        let error = connect(folder.path()).err().expect("an error").to_string();
        assert!(error.contains("it is a folder"), "{error}");
    }
}
