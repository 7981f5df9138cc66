//! Who can access a file that contains secrets.

use std::path::Path;

/// Checks that other users of the machine can neither change the file nor, if its owner can prevent it, read it.
///
/// Warns about a readable file of another user or on a read-only file system: Docker and Kubernetes mount secrets like
/// that, and a container has no other users. Ignores pipes and devices, and files in folders that other users cannot enter.
///
/// # Errors
/// One line that names the file and the remedy.
#[cfg(unix)]
pub fn check(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{StatVfsMountFlags, statvfs};

    let Ok(file) = path.metadata() else { return Ok(()) };
    let (others_read, others_write) = (file.mode() & 0o004 != 0, file.mode() & 0o002 != 0);
    if !file.is_file() || !(others_read || others_write) || !others_can_reach(path) {
        return Ok(());
    }
    let is_ours = file.uid() == rustix::process::geteuid().as_raw();
    let is_read_only = statvfs(path).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    let path = path.display();
    if is_read_only || !(is_ours || others_write) {
        log::warn!("every user of this machine can read {path}; in a container that is harmless");
        return Ok(());
    }
    let action = if others_write { "change" } else { "read" };
    Err(format!("every user of this machine can {action} {path}: run `chmod 600 {path}`"))
}

/// Whether other users can enter all folders above the file. Kubernetes mounts symbolic links.
#[cfg(unix)]
fn others_can_reach(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(path) = path.canonicalize() else { return true };
    path.ancestors().skip(1).all(|folder| folder.metadata().map_or(true, |folder| folder.mode() & 0o001 != 0))
}

/// Permissions are not checked on other systems.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn check(_path: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::path::Path;

    use super::check;

    const NOBODY: u32 = 65_534;

    #[test]
    fn other_users_must_not_reach_a_file() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("secret");
        std::fs::write(&file, "secret").expect("written");
        let check = |folder_mode, file_mode| {
            set_permissions(folder.path(), Permissions::from_mode(folder_mode)).expect("a mode");
            set_permissions(&file, Permissions::from_mode(file_mode)).expect("a mode");
            check(&file)
        };
        for (folder_mode, file_mode) in [(0o755, 0o600), (0o755, 0o640), (0o755, 0o660), (0o700, 0o666)] {
            assert_eq!(check(folder_mode, file_mode), Ok(()), "{folder_mode:o} {file_mode:o}");
        }
        for (file_mode, action) in [(0o644, "read"), (0o604, "read"), (0o602, "change"), (0o666, "change")] {
            let error = check(0o755, file_mode).expect_err("rejected");
            assert!(error.contains(&format!("can {action} ")) && error.contains("chmod 600"), "{error}");
        }
        // Only root can do this.
        if chown(&file, Some(NOBODY), None).is_ok() {
            assert_eq!(check(0o755, 0o444), Ok(()), "a container mounts secrets like that");
            assert!(check(0o755, 0o446).is_err());
        }
    }

    #[test]
    fn devices_and_missing_files_are_ignored() {
        assert_eq!(check(Path::new("/dev/null")), Ok(()));
        assert_eq!(check(Path::new("/dev/null/nothing")), Ok(()));
    }
}
