//! The invariants of ARCHITECTURE.md, held against the sources and the dependency graph.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Every file below a folder that ends in one of these, what others have written apart.
fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let extension = path.extension().unwrap_or_default().to_str().unwrap_or_default();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if extensions.contains(&extension) {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has no sources");
    files
}

/// Every Rust file below a folder, with its text less comments and the unit tests at its end.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        (path, code.collect::<Vec<_>>().join("\n"))
    };
    files(folder, &["rs"]).into_iter().map(read).collect()
}

fn assert_names_none(folder: &str, forbidden: &[&str]) {
    for (path, text) in sources(folder) {
        for name in forbidden {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
}

/// What a crate is built from, tests and build scripts apart.
fn dependencies(package: &str) -> Vec<String> {
    let tree = tree(&["--package", package, "--edges", "normal"]);
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// As `cargo tree` prints it.
fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "none"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn http_never_names_diesel_store_never_names_actix_and_domain_neither() {
    assert_names_none("auth-server/src/http", &["diesel"]);
    assert_names_none("auth-server/src/store", &["actix"]);
    assert_names_none("auth-server/src/domain", &["diesel", "actix"]);
    assert_names_none("auth-server/src/model", &["diesel", "actix"]);
}

#[test]
fn no_layer_is_skipped() {
    assert_names_none("auth-server/src/store", &["crate::domain", "crate::http"]);
    assert_names_none("auth-server/src/domain", &["crate::http"]);
    assert_names_none("auth-server/src/model", &["crate::store", "crate::domain", "crate::http"]);
    for (path, text) in sources("auth-server/src/http") {
        let named = text.matches("crate::store").count();
        let error_alone = text.matches("crate::store::StoreError").count();
        assert_eq!(named, error_alone, "{} reaches past the domain", path.display());
    }
}

#[test]
fn shared_claims_depends_on_neither_server_and_reads_no_environment() {
    let tree = dependencies("shared-claims");
    assert!(tree.iter().any(|name| name == "jsonwebtoken"), "the tree is read");
    assert!(
        !tree
            .iter()
            .any(|name| ["auth-server", "resource-server", "server-kit", "diesel"].contains(&name.as_str()))
    );
    assert_names_none("shared-claims/src", &["env::var", "std::env", "env!("]);
}

#[test]
fn no_server_builds_the_axum_part_of_shared_claims() {
    for program in ["auth-server", "resource-server", "local-stack"] {
        let tree = dependencies(program);
        assert!(tree.iter().any(|name| name == "actix-web"), "the tree is read");
        assert!(!tree.iter().any(|name| name == "axum"), "{program}");
    }
}

#[test]
fn shared_claims_cannot_sign_outside_its_testing_feature() {
    for (path, text) in sources("shared-claims/src") {
        if path.file_name().is_some_and(|name| name == "testing.rs") {
            continue;
        }
        for name in ["EncodingKey", "crypto::sign", "KeyPair", "hmac::sign", ".sign("] {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
    let library = fs::read_to_string(root().join("shared-claims/src/lib.rs")).expect("a source");
    assert!(library.contains("#[cfg(feature = \"testing\")]\npub mod testing;"));
}

#[test]
fn the_resource_server_has_no_database_no_password_hash_and_no_private_key() {
    let tree = dependencies("resource-server");
    assert!(tree.iter().any(|name| name == "shared-claims"), "the tree is read");
    for name in ["diesel", "argon2", "libsqlite3-sys", "pq-sys", "auth-server"] {
        assert!(!tree.iter().any(|dependency| dependency == name), "{name}");
    }
    assert_names_none("resource-server/src", &["EncodingKey", "KeyPair", "PrivateKey", "PRIVATE KEY"]);
}

#[test]
fn tokens_are_decoded_in_one_place() {
    for folder in ["server-kit/src", "auth-server/src", "resource-server/src", "local-stack/src"] {
        assert_names_none(folder, &["jsonwebtoken"]);
    }
    let verifying: Vec<_> = sources("shared-claims/src")
        .into_iter()
        .filter(|(_, text)| text.contains("crypto::verify"))
        .collect();
    assert_eq!(verifying.len(), 1, "{verifying:?}");
}

/// So that no login can be added that misses what the others require.
#[test]
fn sessions_start_in_one_place() {
    let calls = |text: &str| {
        let imports = text.split("sessions::{").skip(1).filter_map(|rest| rest.split('}').next());
        let mut names = imports.flat_map(|list| list.split([',', ' ', '\n']));
        text.contains("sessions::insert") || names.any(|name| name == "insert")
    };
    let writes = |text: &str| {
        text.contains("insert_into(sessions::") || text.to_lowercase().contains("insert into sessions")
    };
    let starting = |does: &dyn Fn(&str) -> bool| -> Vec<_> {
        let sources = ["auth-server/src", "local-stack/src"].into_iter().flat_map(sources);
        let sources = sources.filter(|(path, _)| !path.ends_with("store/rotation_tests.rs"));
        sources.filter(|(_, text)| does(text)).map(|(path, _)| path).collect()
    };
    assert_eq!(starting(&calls), [root().join("auth-server/src/domain/sessions/new_session.rs")]);
    assert_eq!(starting(&writes), [root().join("auth-server/src/store/sessions.rs")]);
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    let mut reading = Vec::new();
    for folder in [
        "shared-claims/src",
        "server-kit/src",
        "webauthn/src",
        "auth-server/src",
        "resource-server/src",
        "local-stack/src",
        "bench/src",
    ] {
        for (path, text) in sources(folder) {
            if ["Utc::now", "Local::now", "SystemTime::now"].iter().any(|name| text.contains(name)) {
                reading.push(path);
            }
        }
    }
    assert_eq!(reading, [root().join("shared-claims/src/clock.rs")]);
}

#[test]
fn fail_points_are_in_no_program_but_those_of_the_tests() {
    let with_features = |selection: &[&str], edges: &str| {
        let tree = tree(&[selection, &["--edges", edges, "--format", "{p} {f}"]].concat());
        let lines: Vec<_> =
            tree.lines().filter(|line| line.starts_with("auth-server ")).map(str::to_owned).collect();
        assert!(lines.iter().all(|line| line.contains("postgres")) && !lines.is_empty(), "{lines:?}");
        lines.iter().any(|line| line.contains("fail-points"))
    };
    for selection in [&["--workspace"][..], &["--package", "auth-server"]] {
        assert!(!with_features(selection, "normal,build"), "{selection:?}");
    }
    assert!(with_features(&["--package", "faults"], "normal,dev"), "the tests have them");
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for folder in [
        "shared-claims",
        "server-kit",
        "webauthn",
        "auth-server",
        "resource-server",
        "local-stack",
        "test-support",
        "e2e",
        "faults",
        "properties",
        "bench",
        "web",
    ] {
        if !root().join(folder).exists() {
            continue;
        }
        for path in files(folder, &["rs", "js", "mjs", "ts", "css", "html"]) {
            let lines = fs::read_to_string(&path).expect("a source").lines().count();
            assert!(lines <= 400, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_invariants_are_those_that_architecture_prints() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for sentence in [
        "cannot sign",
        "reads no environment",
        "never names diesel",
        "never names actix",
        "Sessions start in one place",
        "wall clock",
        "fail points",
    ] {
        assert!(text.contains(sentence), "{sentence}");
    }
}
