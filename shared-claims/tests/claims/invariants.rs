//! What shared-claims must never come to do, read from its own sources.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .collect()
}

#[test]
fn it_signs_nothing_outside_the_testing_helpers_and_reads_no_environment() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&folder).into_iter().filter(|path| !path.ends_with("testing.rs")) {
        let source = fs::read_to_string(&path).expect("a source");
        for forbidden in ["EncodingKey", "crypto::sign", "KeyPair", "std::env", "env::var", "#[allow"] {
            assert!(!source.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let readers: Vec<_> = sources(&folder)
        .into_iter()
        .filter(|path| {
            let source = fs::read_to_string(path).expect("a source");
            source.contains("Utc::now") || source.contains("SystemTime::now")
        })
        .collect();
    assert_eq!(readers, [folder.join("clock.rs")]);
}
