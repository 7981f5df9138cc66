//! Rules that the sources of shared-claims must follow.

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
fn only_the_testing_module_can_sign_and_no_code_reads_the_environment() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&folder).into_iter().filter(|path| !path.ends_with("testing.rs")) {
        let source = fs::read_to_string(&path).expect("a source");
        for forbidden in ["EncodingKey", "crypto::sign", "KeyPair", "std::env", "env::var", "#[allow"] {
            assert!(!source.contains(forbidden), "{} contains {forbidden}", path.display());
        }
    }
}

#[test]
fn only_the_clock_module_reads_the_wall_clock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let reading: Vec<_> = sources(&folder)
        .into_iter()
        .filter(|path| {
            let source = fs::read_to_string(path).expect("a source");
            source.contains("Utc::now") || source.contains("SystemTime::now")
        })
        .collect();
    assert_eq!(reading, [folder.join("clock.rs")]);
}
